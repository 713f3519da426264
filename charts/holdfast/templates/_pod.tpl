{{/* What all pods that judge have in common. */}}
{{- define "holdfast.replicaEnv" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
# The name under which this replica writes Leases and log.
- name: HOLDFAST_REPLICA
  value: $(POD_NAME)
{{- end -}}

{{- define "holdfast.probes" -}}
# Alive is whoever answers; a guard that has lost the API server is not helped by a restart.
startupProbe:
  httpGet:
    path: /livez
    port: health
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet:
    path: /livez
    port: health
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
# Ready is who has read all of Longhorn.
readinessProbe:
  httpGet:
    path: /readyz
    port: health
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* Where a pod may run. Takes root and labels, a template. */}}
{{- define "holdfast.placement" -}}
{{- $root := .root -}}
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
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
