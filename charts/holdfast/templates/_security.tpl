{{- define "holdfast.podSecurity" -}}
runAsNonRoot: true
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- /* Set to null by the operator: gone from the values, and the platform chooses. */}}
{{- if hasKey $.Values.securityContext $key }}
{{ $key }}: {{ int64 (get $.Values.securityContext $key) }}
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "holdfast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/*
Whether the API server serves ValidatingAdmissionPolicies. Without a cluster Helm knows no kinds, `v1/Pod` neither: then
the version has to do.
*/}}
{{- define "holdfast.hasPolicies" -}}
{{- if .Capabilities.APIVersions.Has "v1/Pod" -}}
{{- if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy" }}yes{{ end -}}
{{- else -}}
{{- if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}yes{{ end -}}
{{- end -}}
{{- end -}}
