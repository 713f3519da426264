{{- define "holdfast.podSecurity" -}}
{{- $own := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- range $key, $value := .Values.securityContext -}}
{{- /* A uid of a platform is too large for the way in which Helm prints other numbers. */ -}}
{{- $_ := set $own $key (has $key (list "runAsUser" "runAsGroup" "fsGroup") | ternary (int64 $value) $value) -}}
{{- end -}}
{{- toYaml $own -}}
{{- end -}}

{{- define "holdfast.containerSecurity" -}}
{{- $own := fromYaml `
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
` -}}
{{- toYaml (merge (dict) .Values.containerSecurityContext $own) -}}
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
