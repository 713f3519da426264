{{/* One expression of match-conditions/, without its comments: the reasons stay in the file. */}}
{{- define "holdfast.expression" -}}
{{- $path := printf "match-conditions/%s.cel" .name -}}
{{- $text := required (printf "%s is missing from the chart" $path) (.root.Files.Get $path) -}}
{{- regexReplaceAll "(?m)^\\s*//.*\n" $text "" | trim -}}
{{- end -}}

{{/* Several of them, of which one is enough. */}}
{{- define "holdfast.anyOf" -}}
{{- $root := .root -}}
{{- range $index, $name := .names }}
{{- if $index }}
|| {{ end -}}
(
{{ include "holdfast.expression" (dict "root" $root "name" $name) | indent 2 }}
)
{{- end -}}
{{- end -}}

{{/* Objects that are being deleted pass. */}}
{{- define "holdfast.notLeaving" -}}
{{- $root := . -}}
{{- range $index, $name := list "not-being-deleted" "not-being-uninstalled" "not-being-collected" }}
{{- if $index }}{{ "\n" }}{{ end -}}
- name: {{ $name | quote }}
  expression: |-
    {{- include "holdfast.expression" (dict "root" $root "name" $name) | nindent 4 }}
{{- end -}}
{{- end -}}
