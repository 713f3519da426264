{{/* The namespace of the guard and all that belongs to it. */}}
{{- define "holdfast.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "holdfast.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimAll "-._" -}}
{{- end -}}

{{/* Short enough for every suffix that the chart adds. */}}
{{- define "holdfast.fullname" -}}
{{- $wanted := .Values.fullnameOverride -}}
{{- if not $wanted -}}
{{- $name := include "holdfast.name" . -}}
{{- $wanted = contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- /* Services of this name are made too: they need a letter in front, and take no dot. An alias may be storageGuard or storage_guard. */ -}}
{{- $wanted = regexReplaceAll "[._]" $wanted "-" | lower -}}
{{- regexMatch "^[a-z]" $wanted | ternary $wanted (printf "holdfast-%s" $wanted) | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "holdfast.selectorLabels" -}}
app.kubernetes.io/name: {{ include "holdfast.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "holdfast.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimAll "-._" | quote }}
{{ include "holdfast.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/* The guard's own pods, not that of `helm test`. */}}
{{- define "holdfast.guardLabels" -}}
{{ include "holdfast.selectorLabels" . }}
app.kubernetes.io/component: guard
{{- end -}}

{{- define "holdfast.testLabels" -}}
{{ include "holdfast.selectorLabels" . }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "holdfast.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "holdfast.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* A registry takes the place of that in the repository. Rancher names its own last. */}}
{{- define "holdfast.image" -}}
{{- $rancher := get (default dict .Values.global.cattle) "systemDefaultRegistry" -}}
{{/* Some charts of an umbrella need a slash at the end of it. */}}
{{- $registry := coalesce .Values.global.imageRegistry .Values.image.registry $rancher | default "" | trimSuffix "/" -}}
{{- $repository := .Values.image.repository -}}
{{- if $registry -}}
{{- $repository = printf "%s/%s" $registry (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") -}}
{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
A port of the guard's pods. Takes root and name, a key of config. On the network of its node the usual ones are often taken:
8443 by ingress-nginx and minikube, 8080 and 8081 by much else.
*/}}
{{- define "holdfast.port" -}}
{{- $usual := dict "port" 8443 "healthPort" 8080 "operatorPort" 8081 -}}
{{- $onNode := dict "port" 14443 "healthPort" 14080 "operatorPort" 14081 -}}
{{- $default := index (.root.Values.hostNetwork | ternary $onNode $usual) .name -}}
{{- default $default (get .root.Values.config .name) | int -}}
{{- end -}}

{{/* The host in the certificate: so the API server calls a Service. */}}
{{- define "holdfast.serverName" -}}
{{- printf "%s.%s.svc" (include "holdfast.fullname" .) (include "holdfast.namespace" .) -}}
{{- end -}}

{{/*
The Secret with tls.crt and tls.key, whoever makes it. Each mode has one of its own: the Secret of another mode has another
owner and another type, and would stand in the way of an upgrade to this one.
*/}}
{{- define "holdfast.certificateSecret" -}}
{{- if eq .Values.certificates.mode "files" -}}
{{- required "certificates.files.secretName: name the Secret that holds tls.crt and tls.key, since certificates.mode is files" .Values.certificates.files.secretName -}}
{{- else if eq .Values.certificates.mode "cert-manager" -}}
{{- printf "%s-cert-manager-tls" (include "holdfast.fullname" .) -}}
{{- else -}}
{{- printf "%s-tls" (include "holdfast.fullname" .) -}}
{{- end -}}
{{- end -}}
