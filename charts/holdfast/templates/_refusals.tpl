{{/* What must not be installed, each with the reason. */}}
{{- define "holdfast.refusals" -}}
{{- if eq .Release.Namespace .Values.longhornNamespace -}}
{{- fail (printf "Holdfast must not run in Longhorn's namespace (%s): whatever deletes or restarts that namespace would take the guard along, and its own pods would be judged by what they guard. Install it with: --namespace holdfast --create-namespace" .Values.longhornNamespace) -}}
{{- end -}}
{{- if and .Values.backstop.enabled (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "backstop.enabled: ValidatingAdmissionPolicies are served from Kubernetes 1.30 on, and this is %s" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
