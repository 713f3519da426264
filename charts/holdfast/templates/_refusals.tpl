{{/* What must not be installed, each with the reason. */}}
{{- define "holdfast.refusals" -}}
{{- if eq .Release.Namespace .Values.longhornNamespace -}}
{{- fail (printf "Holdfast must not run in Longhorn's namespace (%s): whatever works on that namespace as a whole, Longhorn's uninstaller for one, would take the guard along. Install it with: --namespace holdfast --create-namespace" .Values.longhornNamespace) -}}
{{- end -}}
{{- range $api := list "longhorn" "kubernetes" -}}
{{- $proxy := index $.Values.proxy $api -}}
{{- if and $proxy.enabled (has (int $proxy.port) (list (int $.Values.config.healthPort) (int $.Values.service.healthPort) (int (default 8081 $.Values.config.operatorPort)))) -}}
{{- fail (printf "proxy.%s.port: %d is the port of health or of people's commands; choose another" $api (int $proxy.port)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.backstop.enabled (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "backstop.enabled: ValidatingAdmissionPolicies are served from Kubernetes 1.30 on, and this is %s" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
