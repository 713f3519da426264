{{- /* Seconds after which a replica that is ready holds nothing back any more because it has just started; 0 if it never
does. At most five minutes, well below the ten that Kubernetes gives a rollout. */ -}}
{{- define "holdfast.settledSeconds" -}}
{{- $seconds := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" (.Values.config.settle | default "10s") -1 -}}
{{- if hasSuffix "ms" . -}}
{{- $seconds = add $seconds (div (add (trimSuffix "ms" . | int) 999) 1000) -}}
{{- else if hasSuffix "s" . -}}
{{- $seconds = add $seconds (trimSuffix "s" . | int) -}}
{{- else if hasSuffix "m" . -}}
{{- $seconds = add $seconds (mul 60 (trimSuffix "m" . | int)) -}}
{{- else -}}
{{- $seconds = add $seconds (mul 3600 (trimSuffix "h" . | int)) -}}
{{- end -}}
{{- end -}}
{{- if eq (int $seconds) 0 -}}0{{- else -}}{{- min (add $seconds 5) 300 -}}{{- end -}}
{{- end }}
