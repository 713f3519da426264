{{/* The common parts of all pods that judge. */}}
{{- define "holdfast.replicaEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
# The name under which this replica writes Leases and log.
- name: HOLDFAST_REPLICA
  value: $(POD_NAME)
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "holdfast.probes" -}}
# Every guard that answers is alive; a restart does not help one that has lost the API server.
startupProbe:
  httpGet:
    path: /livez
    port: health
  {{- with .Values.probes.startup }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
livenessProbe:
  httpGet:
    path: /livez
    port: health
  {{- with .Values.probes.liveness }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
# A guard is ready once it has read all of Longhorn.
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  {{- with .Values.probes.readiness }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* The families of addresses of a Service. */}}
{{- define "holdfast.ipFamilies" -}}
{{- $families := dict -}}
{{- with .Values.service.ipFamilyPolicy }}{{ $_ := set $families "ipFamilyPolicy" . }}{{ end -}}
{{- with .Values.service.ipFamilies }}{{ $_ := set $families "ipFamilies" . }}{{ end -}}
{{- if $families }}{{ toYaml $families }}{{ end -}}
{{- end -}}

{{/* Where a pod may run. Takes root and labels, a template. */}}
{{- define "holdfast.placement" -}}
{{- $root := .root -}}
{{- with $root.Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- else }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ $root.Values.topologySpread.topologyKey | quote }}
    whenUnsatisfiable: {{ $root.Values.topologySpread.whenUnsatisfiable | quote }}
    # A node that is down or cordoned takes no replica, and must not keep one from being placed elsewhere.
    nodeTaintsPolicy: Honor
    # Each revision is spread by itself; or else an update would end with both on one node.
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- .labels | nindent 8 }}
{{- end }}
{{- with default $root.Values.global.priorityClassName $root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $root.Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with include "holdfast.nodes" $root }}
{{ . }}
{{- end }}
{{- end -}}

{{/* On which nodes any pod of ours may start, a hook's too, and with which pull secrets. */}}
{{- define "holdfast.nodes" -}}
{{- $secrets := list -}}
{{- /* In `global` they are names in some umbrellas and objects in others. */ -}}
{{- range concat .Values.imagePullSecrets (default list .Values.global.imagePullSecrets) -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- $nodes := dict -}}
{{- $selector := merge (dict) (default dict .Values.nodeSelector) (default dict .Values.global.nodeSelector) -}}
{{- $tolerations := concat (default list .Values.tolerations) (default list .Values.global.tolerations) | uniq -}}
{{- range $key, $value := dict "imagePullSecrets" (uniq $secrets) "nodeSelector" $selector "tolerations" $tolerations "runtimeClassName" .Values.runtimeClassName -}}
{{- if $value }}{{ $_ := set $nodes $key $value }}{{ end -}}
{{- end -}}
{{- with $nodes }}{{ toYaml . }}{{ end -}}
{{- end -}}
