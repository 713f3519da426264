{{/* What must not be installed, each with the reason. */}}
{{- define "holdfast.refusals" -}}
{{- if eq .Release.Namespace .Values.longhornNamespace -}}
{{- fail (printf "Holdfast must not run in Longhorn's namespace (%s): whatever works on that namespace as a whole, Longhorn's uninstaller for one, would take the guard along. Install it with: --namespace holdfast --create-namespace" .Values.longhornNamespace) -}}
{{- end -}}
{{- if and .Values.backstop.enabled (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "backstop.enabled: ValidatingAdmissionPolicies are served from Kubernetes 1.30 on, and this is %s" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
