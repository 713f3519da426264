{{/* Where the guard finds its certificate: keys of holdfast.yaml. */}}
{{- define "holdfast.certificateSettings" -}}
{{- if eq .Values.certificates.mode "self" -}}
certificateSecret: {{ include "holdfast.certificateSecret" . }}
serverName: {{ include "holdfast.serverName" . }}
webhookConfiguration: {{ include "holdfast.fullname" . }}
{{- else -}}
tlsCert: /etc/holdfast/tls/tls.crt
tlsKey: /etc/holdfast/tls/tls.key
{{- end -}}
{{- end -}}
