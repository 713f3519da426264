{{/* holdfast.yaml: what the chart decides, then what the operator does. */}}
{{- define "holdfast.settings" -}}
namespace: {{ .Release.Namespace | quote }}
longhornNamespace: {{ .Values.longhornNamespace | quote }}
{{ include "holdfast.certificateSettings" . }}
{{- with include "holdfast.clientSettings" . }}
{{ . }}
{{- end }}
{{- if .Values.rescue.enabled }}
rescue: "on"
{{- end }}
{{- range $name := list "port" "healthPort" "operatorPort" }}
{{ $name }}: {{ include "holdfast.port" (dict "root" $ "name" $name) }}
{{- end }}
{{- with omit .Values.config "rules" "mode" "auditLog" "port" "healthPort" "operatorPort" }}
{{ toYaml . }}
{{- end }}
{{- if hasKey .Values.config "mode" }}
mode: {{ kindIs "bool" .Values.config.mode | ternary "off" .Values.config.mode | quote }}
{{- end }}
{{- if hasKey .Values.config "auditLog" }}
auditLog: {{ kindIs "bool" .Values.config.auditLog | ternary (.Values.config.auditLog | ternary "on" "off") .Values.config.auditLog | quote }}
{{- end }}
{{- with .Values.config.rules }}
rules:
  {{- range $rule, $mode := . }}
  {{- /* To Helm a bare `off` is false. */}}
  {{ $rule }}: {{ kindIs "bool" $mode | ternary "off" $mode | quote }}
  {{- end }}
{{- end }}
{{- end -}}
