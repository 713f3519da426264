{{/*
Whether there is a cluster to look at. `helm template`, Argo CD and --dry-run=client have none, and every lookup finds nothing.
*/}}
{{- define "holdfast.onCluster" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}yes{{ end -}}
{{- end -}}

{{/* Values that cannot be installed, each with the reason. */}}
{{- define "holdfast.refusals" -}}
{{- if and (hasKey .Values "enabled") (not .Values.enabled) -}}
{{- fail (printf "enabled is false, but Helm makes this chart all the same. Give the dependency a condition in the umbrella's Chart.yaml: %s.enabled" .Chart.Name) -}}
{{- end -}}
{{- if and .Values.longhornNamespaceMustExist (include "holdfast.onCluster" .) (not (lookup "v1" "Namespace" "" .Values.longhornNamespace)) -}}
{{- fail (printf "There is no namespace %s. Install Longhorn first, or name the namespace that it runs in: --set longhornNamespace=<name>. Nothing has been made" .Values.longhornNamespace) -}}
{{- end -}}
{{- if eq (include "holdfast.namespace" .) .Values.longhornNamespace -}}
{{- fail (printf "Holdfast must not run in Longhorn's namespace (%s): whatever works on that namespace as a whole, Longhorn's uninstaller for one, would take the guard along. Install it with: --namespace holdfast --create-namespace" .Values.longhornNamespace) -}}
{{- end -}}
{{- if and .Values.webhook.clientCertificates.names (not .Values.webhook.clientCertificates.configMap) -}}
{{- fail "webhook.clientCertificates.names has no effect without webhook.clientCertificates.configMap: the guard asks for no certificate. Name the ConfigMap of the authorities too" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "podMonitor.enabled: the ServiceMonitor is made too, and Prometheus would count each metric twice. Turn one of them off" -}}
{{- end -}}
{{- $webhookPort := include "holdfast.port" (dict "root" . "name" "port") -}}
{{- $healthPort := include "holdfast.port" (dict "root" . "name" "healthPort") -}}
{{- $operatorPort := include "holdfast.port" (dict "root" . "name" "operatorPort") -}}
{{- if lt (len (uniq (list $webhookPort $healthPort $operatorPort))) 3 -}}
{{- fail (printf "config.port (%s), config.healthPort (%s) and config.operatorPort (%s) must be three ports" $webhookPort $healthPort $operatorPort) -}}
{{- end -}}
{{- if eq (int .Values.service.port) (int .Values.service.healthPort) -}}
{{- fail (printf "service.port and service.healthPort are both %d: a Service has each port once. Choose another for one of them" (int .Values.service.port)) -}}
{{- end -}}
{{- if and (eq (default "" .Values.service.ipFamilyPolicy) "SingleStack") (gt (len (default list .Values.service.ipFamilies)) 1) -}}
{{- fail (printf "service.ipFamilies: SingleStack takes one family, and there are %d. Name one of them, or choose PreferDualStack or RequireDualStack for service.ipFamilyPolicy" (len .Values.service.ipFamilies)) -}}
{{- end -}}
{{- if .Values.hostNetwork -}}
{{- range $name, $port := dict "port" $webhookPort "healthPort" $healthPort "operatorPort" $operatorPort -}}
{{- if lt (int $port) 1024 -}}
{{- fail (printf "config.%s: %s is below 1024, and on the network of its node (hostNetwork) only root may listen there. The guard never runs as root: choose another port" $name $port) -}}
{{- end -}}
{{- end -}}
{{- range $port := list $webhookPort $healthPort $operatorPort -}}
{{- if has (int $port) (list 2379 2380 6443 10248 10249 10250 10255 10256 10257 10259) -}}
{{- fail (printf "hostNetwork: port %s is one of Kubernetes itself on its nodes. Choose another for config.port, config.healthPort or config.operatorPort, or leave it out: the chart's own are 14443, 14080 and 14081" $port) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $api := list "longhorn" "kubernetes" -}}
{{- $proxy := index $.Values.proxy $api -}}
{{- if and $proxy.enabled (has (int $proxy.port) (list (int $healthPort) (int $.Values.service.healthPort) (int $operatorPort))) -}}
{{- fail (printf "proxy.%s.port: %d is the port of health or of people's commands; choose another" $api (int $proxy.port)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.backstop.enabled (semverCompare "<1.30.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail (printf "backstop.enabled: ValidatingAdmissionPolicies are served from Kubernetes 1.30 on, and this is %s" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if or .Values.proxy.longhorn.enabled .Values.proxy.kubernetes.enabled -}}
{{- $guard := include "holdfast.serviceAccountName" . -}}
{{- $proxies := include "holdfast.proxyAccount" . -}}
{{- if not (or .Values.serviceAccount.create .Values.proxy.serviceAccount.name) -}}
{{- fail "proxy.serviceAccount.name: name an account for the proxies, since serviceAccount.create is false. With the guard's own account a proxy could read the guard's key and change its registration" -}}
{{- end -}}
{{- if eq $proxies $guard -}}
{{- fail (printf "proxy.serviceAccount.name must not be the account of the guard (%s): a proxy could read the guard's key and change its registration" $guard) -}}
{{- end -}}
{{- if and .Values.proxy.longhorn.enabled .Values.proxy.longhorn.ui.point -}}
{{- $hooks := include "holdfast.pointUiAccount" . -}}
{{- if not (or .Values.serviceAccount.create .Values.proxy.longhorn.ui.serviceAccount.name) -}}
{{- fail "proxy.longhorn.ui.serviceAccount.name: name an account for the hooks, since serviceAccount.create is false. It may patch the Deployment of Longhorn's UI, and no pod that keeps running should be able to" -}}
{{- end -}}
{{- range $owner, $name := dict "guard" $guard "proxies" $proxies -}}
{{- if eq $hooks $name -}}
{{- fail (printf "proxy.longhorn.ui.serviceAccount.name must not be the account of the %s (%s): it may patch the Deployment of Longhorn's UI, and no pod that keeps running should be able to" $owner $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
