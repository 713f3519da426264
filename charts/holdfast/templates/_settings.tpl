{{/* holdfast.yaml: what the chart decides, then what the operator does. */}}
{{- define "holdfast.settings" -}}
namespace: {{ .Release.Namespace | quote }}
longhornNamespace: {{ .Values.longhornNamespace | quote }}
{{ include "holdfast.certificateSettings" . }}
{{ toYaml (omit .Values.config "rules") }}
{{- with .Values.config.rules }}
rules:
  {{- range $rule, $mode := . }}
  {{- /* To Helm a bare `off` is false. */}}
  {{ $rule }}: {{ kindIs "bool" $mode | ternary "off" $mode | quote }}
  {{- end }}
{{- end }}
{{- end -}}
