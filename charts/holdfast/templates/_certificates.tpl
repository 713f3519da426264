{{/* Where the guard finds its certificate: keys of holdfast.yaml. */}}
{{- define "holdfast.certificateSettings" -}}
{{- if eq .Values.certificates.mode "self" -}}
certificateSecret: {{ include "holdfast.certificateSecret" . | quote }}
serverName: {{ include "holdfast.serverName" . | quote }}
webhookConfiguration: {{ include "holdfast.fullname" . | quote }}
{{- else -}}
tlsCert: /etc/holdfast/tls/tls.crt
tlsKey: /etc/holdfast/tls/tls.key
{{- end -}}
{{- end -}}

{{/* Whose client certificates are taken: keys of holdfast.yaml, nothing where none is asked for. */}}
{{- define "holdfast.clientSettings" -}}
{{- with .Values.webhook.clientCertificates -}}
{{- if .configMap -}}
clientCa: /etc/holdfast/client-ca/ca.crt
{{- with .names }}
clientNames: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A certificate by cert-manager for a Service of this name. Takes root, name and secret. */}}
{{- define "holdfast.certificate" -}}
{{- $manager := .root.Values.certificates.certManager -}}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  # The registration names that of the guard: cert-manager.io/inject-ca-from.
  name: {{ .name | quote }}
  namespace: {{ include "holdfast.namespace" .root | quote }}
  {{- include "holdfast.marks" (dict "root" .root) | nindent 2 }}
spec:
  secretName: {{ .secret | quote }}
  dnsNames:
    - {{ printf "%s.%s.svc" .name (include "holdfast.namespace" .root) | quote }}
    - {{ printf "%s.%s" .name (include "holdfast.namespace" .root) | quote }}
  {{- with $manager.duration }}
  duration: {{ . | quote }}
  {{- end }}
  {{- with $manager.renewBefore }}
  renewBefore: {{ . | quote }}
  {{- end }}
  usages: [digital signature, server auth]
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  issuerRef:
    {{- if $manager.issuerRef.name }}
    {{- toYaml $manager.issuerRef | nindent 4 }}
    {{- else }}
    group: cert-manager.io
    kind: Issuer
    name: "{{ include "holdfast.fullname" .root }}-ca"
    {{- end }}
{{- end -}}
