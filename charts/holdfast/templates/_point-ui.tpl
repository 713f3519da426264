{{/* Points Longhorn's UI somewhere. Takes root, name, hook and target. */}}
{{- define "holdfast.pointUiJob" -}}
{{- $root := .root -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "holdfast.labels" $root | nindent 4 }}
    app.kubernetes.io/component: point-ui
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 6
  activeDeadlineSeconds: 180
  template:
    metadata:
      labels:
        {{- include "holdfast.selectorLabels" $root | nindent 8 }}
        app.kubernetes.io/component: point-ui
    spec:
      restartPolicy: Never
      serviceAccountName: {{ include "holdfast.fullname" $root }}-point-ui
      automountServiceAccountToken: true
      enableServiceLinks: false
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "holdfast.podSecurity" $root | nindent 8 }}
      containers:
        - name: point-ui
          image: {{ include "holdfast.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args:
            - proxy
            - point-ui
            - {{ .target }}
            - --longhorn-namespace={{ $root.Values.longhornNamespace }}
            - --deployment={{ $root.Values.proxy.longhorn.ui.deployment }}
          securityContext:
            {{- include "holdfast.containerSecurity" $root | nindent 12 }}
          resources:
            {{- toYaml $root.Values.resources | nindent 12 }}
{{- end -}}
