{{/*
What null has taken away, as if it were empty: Helm's way to take a default away leaves no key at all. The schema asks for all
that has no meaning when it is empty. Each template begins with this. Nothing that is set is changed.
*/}}
{{- define "holdfast.complete" -}}
{{- $empty := fromYaml `
global: {}
imagePullSecrets: []
commonLabels: {}
commonAnnotations: {}
config: {}
hostNetwork: false
webhook: {annotations: {}, clientCertificates: {}}
certificates: {certManager: {issuerRef: {}}}
deploymentAnnotations: {}
podAnnotations: {}
podLabels: {}
securityContext: {}
containerSecurityContext: {}
podMonitor: {enabled: false}
resources: {}
serviceMonitor: {enabled: false}
prometheusRule: {enabled: false}
dashboard: {enabled: false}
backstop: {enabled: false}
rescue: {enabled: false, policy: {}}
proxy:
  serviceAccount: {}
  longhorn: {tls: {}, ui: {serviceAccount: {}}}
  kubernetes: {tls: {}}
` -}}
{{- $_ := merge .Values $empty -}}
{{- end -}}
