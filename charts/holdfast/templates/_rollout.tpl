{{/*
How many replicas a drain may take away. Counted from above by default, so that a single replica does not block the drain of
its node for ever.
*/}}
{{- define "holdfast.disruption" -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if hasKey $budget "minAvailable" | and (ne (toString $budget.minAvailable) "") -}}
minAvailable: {{ $budget.minAvailable }}
{{- else -}}
maxUnavailable: {{ $budget.maxUnavailable }}
{{- end -}}
{{- end -}}

{{/*
How replicas are replaced. Takes root and onNode, whether they hold ports of their nodes. A new replica reads all of
Longhorn before an old one leaves. Where each node may have one already, an old one has to make room first.
*/}}
{{- define "holdfast.strategy" -}}
{{- if .root.Values.strategy -}}
{{- toYaml .root.Values.strategy -}}
{{- else -}}
type: RollingUpdate
rollingUpdate:
  maxUnavailable: {{ .onNode | ternary 1 0 }}
  maxSurge: {{ .onNode | ternary 0 1 }}
{{- end -}}
{{- end -}}
