{{/* holdfast.yaml: what the chart decides, then what the operator does. */}}
{{- define "holdfast.settings" -}}
namespace: {{ include "holdfast.namespace" . | quote }}
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
{{- with omit .Values.config "rules" "mode" "auditLog" "reports" "port" "healthPort" "operatorPort" }}
{{ toYaml . }}
{{- end }}
{{- if hasKey .Values.config "mode" }}
mode: {{ kindIs "bool" .Values.config.mode | ternary "off" .Values.config.mode | quote }}
{{- end }}
{{- if hasKey .Values.config "auditLog" }}
auditLog: {{ kindIs "bool" .Values.config.auditLog | ternary (.Values.config.auditLog | ternary "on" "off") .Values.config.auditLog | quote }}
{{- end }}
{{- if hasKey .Values.config "reports" }}
reports: {{ kindIs "bool" .Values.config.reports | ternary "off" .Values.config.reports | quote }}
{{- end }}
{{- with .Values.config.rules }}
rules:
  {{- range $rule, $mode := . }}
  {{- /* To Helm a bare `off` is false. */}}
  {{ $rule }}: {{ kindIs "bool" $mode | ternary "off" $mode | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The kinds of reports that are written, as the groups and resources of a Role; empty if there is none. */}}
{{- define "holdfast.reportKinds" -}}
{{- $reports := .Values.config.reports | default "off" -}}
{{- if or (eq $reports "auto") (eq $reports "openreports") }}
- group: openreports.io
  resource: reports
{{- end }}
{{- if or (eq $reports "auto") (eq $reports "policyreport") }}
- group: wgpolicyk8s.io
  resource: policyreports
{{- end }}
{{- end -}}
