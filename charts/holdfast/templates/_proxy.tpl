{{/*
One proxy: names, labels and pods. Each takes root and api, `longhorn` or `kubernetes`.
*/}}
{{- define "holdfast.proxyName" -}}
{{- printf "%s-%s" (include "holdfast.fullname" .root) .api -}}
{{- end -}}

{{- define "holdfast.proxyLabels" -}}
{{ include "holdfast.selectorLabels" .root }}
app.kubernetes.io/component: "proxy-{{ .api }}"
{{- end -}}

{{/* Never the account of the guard: _refusals.tpl. */}}
{{- define "holdfast.proxyAccount" -}}
{{- default (printf "%s-proxy" (include "holdfast.fullname" .)) .Values.proxy.serviceAccount.name -}}
{{- end -}}

{{- define "holdfast.proxyHasTls" -}}
{{- if or (eq .api "kubernetes") .root.Values.proxy.longhorn.tls.enabled }}yes{{ end -}}
{{- end -}}

{{- define "holdfast.proxyCertificate" -}}
{{- $given := (index .root.Values.proxy .api).tls.secretName -}}
{{- if $given -}}
{{- $given -}}
{{- else if eq .root.Values.certificates.mode "cert-manager" -}}
{{- printf "%s-tls" (include "holdfast.proxyName" .) -}}
{{- else -}}
{{- fail (printf "proxy.%s.tls.secretName: name the Secret that holds tls.crt and tls.key for %s.%s.svc, or let cert-manager make it (certificates.mode)" .api (include "holdfast.proxyName" .) (include "holdfast.namespace" .root)) -}}
{{- end -}}
{{- end -}}

{{/* Where it is asked. */}}
{{- define "holdfast.proxyUrl" -}}
{{- $scheme := include "holdfast.proxyHasTls" . | empty | ternary "http" "https" -}}
{{- printf "%s://%s.%s:%d" $scheme (include "holdfast.proxyName" .) (include "holdfast.namespace" .root) (int (index .root.Values.proxy .api).port) -}}
{{- end -}}

{{- define "holdfast.longhornBackend" -}}
{{- default (printf "http://longhorn-backend.%s:9500" .Values.longhornNamespace) .Values.proxy.longhorn.upstream -}}
{{- end -}}

{{- define "holdfast.proxyArgs" -}}
{{- $values := index .root.Values.proxy .api -}}
- proxy
- {{ .api }}
- --config=/etc/holdfast/config/holdfast.yaml
- --listen=[{{ default "::" .root.Values.config.host | trimAll "[]" }}]:{{ $values.port }}
- --hold={{ $values.hold }}
- --upstream-timeout={{ $values.upstreamTimeout }}
{{- if eq .api "longhorn" }}
- {{ printf "--upstream=%s" (include "holdfast.longhornBackend" .root) | quote }}
{{- with $values.userHeader }}
- {{ printf "--user-header=%s" . | quote }}
{{- end }}
{{- else }}
# The proxy never lends its own rights.
- --caller-token
{{- end }}
{{- if include "holdfast.proxyHasTls" . }}
- --tls
- --tls-cert=/etc/holdfast/tls/tls.crt
- --tls-key=/etc/holdfast/tls/tls.key
{{- end }}
{{- end -}}

{{- define "holdfast.proxy" -}}
{{- $root := .root -}}
{{- $name := include "holdfast.proxyName" . -}}
{{- $values := index $root.Values.proxy .api -}}
{{- $tls := include "holdfast.proxyHasTls" . -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name | quote }}
  namespace: {{ include "holdfast.namespace" $root | quote }}
  {{- $component := print "proxy-" .api }}
  {{- $labels := dict "app.kubernetes.io/component" $component "holdfast.dev/component" $component }}
  {{- include "holdfast.marks" (dict "root" $root "labels" $labels "annotations" $root.Values.deploymentAnnotations) | nindent 2 }}
spec:
  replicas: {{ $values.replicas }}
  revisionHistoryLimit: {{ $root.Values.revisionHistoryLimit }}
  # As the guard's: it is ready at once, and an old one leaves once it knows what has ended.
  minReadySeconds: {{ include "holdfast.settledSeconds" $root }}
  strategy:
    {{- include "holdfast.strategy" (dict "root" $root "onNode" false) | nindent 4 }}
  selector:
    matchLabels:
      {{- include "holdfast.proxyLabels" . | nindent 6 }}
  template:
    metadata:
      {{- include "holdfast.podMarks" (dict "root" $root "component" $component "labels" (include "holdfast.proxyLabels" .)) | nindent 6 }}
    spec:
      serviceAccountName: {{ include "holdfast.proxyAccount" $root | quote }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      # 10 s of linger and 15 s of drain, and then room to let go of the cluster.
      terminationGracePeriodSeconds: 45
      {{- with $root.Values.dnsPolicy }}
      dnsPolicy: {{ . }}
      {{- end }}
      securityContext:
        {{- include "holdfast.podSecurity" $root | nindent 8 }}
      {{- include "holdfast.placement" (dict "root" $root "labels" (include "holdfast.proxyLabels" .)) | nindent 6 }}
      {{- with $root.Values.extraInitContainers }}
      initContainers:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: proxy
          image: {{ include "holdfast.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy | quote }}
          args:
            {{- include "holdfast.proxyArgs" . | nindent 12 }}
            {{- with $values.extraArgs }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          env:
            {{- include "holdfast.replicaEnv" $root | nindent 12 }}
          ports:
            - name: proxy
              containerPort: {{ $values.port }}
            - name: health
              containerPort: {{ include "holdfast.port" (dict "root" $root "name" "healthPort") }}
          {{- include "holdfast.probes" $root | nindent 10 }}
          securityContext:
            {{- include "holdfast.containerSecurity" $root | nindent 12 }}
          resources:
            {{- toYaml $root.Values.resources | nindent 12 }}
          volumeMounts:
            {{- with $root.Values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
            - name: config
              mountPath: /etc/holdfast/config
              readOnly: true
            {{- if $root.Values.config.auditFile }}
            - name: audit
              mountPath: /var/log/holdfast
            {{- end }}
            {{- if $tls }}
            - name: tls
              mountPath: /etc/holdfast/tls
              readOnly: true
            {{- end }}
        {{- with $root.Values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- with $root.Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        - name: config
          configMap:
            name: {{ include "holdfast.fullname" $root | quote }}
        {{- if $root.Values.config.auditFile }}
        - name: audit
          emptyDir:
            sizeLimit: {{ $root.Values.audit.volumeSize | quote }}
        {{- end }}
        {{- if $tls }}
        - name: tls
          secret:
            secretName: {{ include "holdfast.proxyCertificate" . | quote }}
            # The key is for the proxy's group alone.
            defaultMode: 0440
        {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name | quote }}
  namespace: {{ include "holdfast.namespace" $root | quote }}
  {{- include "holdfast.marks" (dict "root" $root "labels" (dict "app.kubernetes.io/component" (print "proxy-" .api))) | nindent 2 }}
spec:
  # One address: an nginx that sees several asks the next one after an error, and so writes twice.
  type: ClusterIP
  {{- with include "holdfast.ipFamilies" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  selector:
    {{- include "holdfast.proxyLabels" . | nindent 4 }}
  ports:
    - name: proxy
      port: {{ $values.port }}
      targetPort: proxy
      protocol: TCP
      appProtocol: {{ empty $tls | ternary "http" "https" }}
    - name: health
      port: {{ $root.Values.service.healthPort }}
      targetPort: health
      protocol: TCP
      appProtocol: http
{{- if $root.Values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name | quote }}
  namespace: {{ include "holdfast.namespace" $root | quote }}
  {{- include "holdfast.marks" (dict "root" $root) | nindent 2 }}
spec:
  {{- include "holdfast.disruption" $root | nindent 2 }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "holdfast.proxyLabels" . | nindent 6 }}
{{- end }}
{{- if and $tls (eq $root.Values.certificates.mode "cert-manager") (not $values.tls.secretName) }}
---
{{ include "holdfast.certificate" (dict "root" $root "name" $name "secret" (include "holdfast.proxyCertificate" .)) }}
{{- end }}
{{- end -}}
