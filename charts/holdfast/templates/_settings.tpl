{{/* holdfast.yaml: what the chart decides, then what the operator does. */}}
{{- define "holdfast.settings" -}}
namespace: {{ .Release.Namespace | quote }}
longhornNamespace: {{ .Values.longhornNamespace | quote }}
{{ include "holdfast.certificateSettings" . }}
{{ toYaml .Values.config }}
{{- end -}}
