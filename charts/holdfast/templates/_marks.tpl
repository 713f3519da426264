{{/*
Labels and annotations of an object. Takes root and, for what is its own, labels and annotations, both maps. What is its
own and what the chart sets comes before what the operator sets for all.
*/}}
{{- define "holdfast.marks" -}}
labels:
  {{- merge (dict) (fromYaml (include "holdfast.labels" .root)) (default dict .labels) .root.Values.commonLabels (default dict .root.Values.global.commonLabels) | toYaml | nindent 2 }}
{{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The same of a pod that judges. Takes root, component, and labels, a template that names it. */}}
{{- define "holdfast.podMarks" -}}
{{- $values := .root.Values -}}
labels:
  {{- /* No value changes holdfast.dev/component: by it commands find the replicas. */}}
  {{- $own := dict "holdfast.dev/component" .component }}
  {{- merge (dict) (fromYaml .labels) $own $values.podLabels $values.commonLabels (default dict $values.global.commonLabels) | toYaml | nindent 2 }}
annotations:
  {{- /* The configuration is read once, at the start. */}}
  {{- $own = dict "checksum/config" (include "holdfast.settings" .root | sha256sum) "holdfast.dev/operator-port" (include "holdfast.port" (dict "root" .root "name" "operatorPort")) }}
  {{- merge (dict) $own $values.podAnnotations $values.commonAnnotations | toYaml | nindent 2 }}
{{- end -}}
