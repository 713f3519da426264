{{- define "holdfast.pointUiLabels" -}}
{{ include "holdfast.selectorLabels" . }}
app.kubernetes.io/component: point-ui
{{- end -}}

{{/* Points Longhorn's UI somewhere. Takes root, name, hook, target, and further flags. */}}
{{- define "holdfast.pointUiJob" -}}
{{- $root := .root -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name | quote }}
  namespace: {{ include "holdfast.namespace" $root | quote }}
  {{- $annotations := dict "helm.sh/hook" .hook "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded" }}
  {{- include "holdfast.marks" (dict "root" $root "labels" (dict "app.kubernetes.io/component" "point-ui") "annotations" $annotations) | nindent 2 }}
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 240
  template:
    metadata:
      labels:
        {{- merge (dict) (fromYaml (include "holdfast.pointUiLabels" $root)) $root.Values.commonLabels | toYaml | nindent 8 }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "holdfast.pointUiAccount" $root | quote }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      {{- with include "holdfast.nodes" $root }}
      {{- . | nindent 6 }}
      {{- end }}
      securityContext:
        {{- include "holdfast.podSecurity" $root | nindent 8 }}
      containers:
        - name: point-ui
          image: {{ include "holdfast.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy | quote }}
          args:
            - proxy
            - point-ui
            - {{ .target | quote }}
            - --longhorn-namespace={{ $root.Values.longhornNamespace }}
            - --deployment={{ $root.Values.proxy.longhorn.ui.deployment }}
            {{- range .flags }}
            - {{ . | quote }}
            {{- end }}
          securityContext:
            {{- include "holdfast.containerSecurity" $root | nindent 12 }}
          resources:
            {{- toYaml $root.Values.resources | nindent 12 }}
{{- end -}}

{{/* Neither the account of the guard nor that of the proxies: _refusals.tpl. */}}
{{- define "holdfast.pointUiAccount" -}}
{{- default (printf "%s-point-ui" (include "holdfast.fullname" .)) .Values.proxy.longhorn.ui.serviceAccount.name -}}
{{- end -}}

{{/*
The rights of the hooks are hooks too, of both events. Helm makes them before the Job, whose weight is 0, and deletes
them once all hooks of the event have succeeded.
*/}}
{{- define "holdfast.pointUiRight" -}}
helm.sh/hook: post-install,post-upgrade,post-rollback,pre-delete
helm.sh/hook-weight: '-5'
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end -}}
