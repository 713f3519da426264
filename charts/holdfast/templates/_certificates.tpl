{{/* Where the guard finds its certificate: keys of holdfast.yaml. */}}
{{- define "holdfast.certificateSettings" -}}
tlsCert: /etc/holdfast/tls/tls.crt
tlsKey: /etc/holdfast/tls/tls.key
{{- end -}}
