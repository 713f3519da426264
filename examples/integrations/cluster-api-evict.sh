#!/usr/bin/env bash
# Empties the node of each Machine that Cluster API is deleting, and then lets Cluster API go on.
# Run it again and again, by a CronJob for one: it keeps nothing to itself.
#
#   MANAGEMENT   kubeconfig of the management cluster
#   WORKLOAD     kubeconfig of the cluster with Longhorn
set -euo pipefail
hook=pre-drain.delete.hook.machine.cluster.x-k8s.io/holdfast
columns='{range .items[*]}{.metadata.namespace}{"|"}{.metadata.name}{"|"}{.status.nodeRef.name}{"|"}{.metadata.deletionTimestamp}{"\n"}{end}'

kubectl --kubeconfig "$MANAGEMENT" get machines.cluster.x-k8s.io --all-namespaces -o jsonpath="$columns" |
  while IFS='|' read -r namespace machine node deleted; do
    [ -n "$deleted" ] || continue
    hooks=$(kubectl --kubeconfig "$MANAGEMENT" get machines.cluster.x-k8s.io "$machine" -n "$namespace" -o jsonpath='{.metadata.annotations}')
    # Another run has done it, or nobody asked for it.
    [[ $hooks == *"$hook"* ]] || continue
    # A Machine without a node has nothing to empty.
    if [ -n "$node" ] && ! holdfast --kubeconfig "$WORKLOAD" evict "$node" --timeout 2h </dev/null; then
      echo "$machine: node $node is not empty yet; Cluster API waits" >&2
      continue
    fi
    kubectl --kubeconfig "$MANAGEMENT" annotate machines.cluster.x-k8s.io "$machine" -n "$namespace" "$hook-" </dev/null
  done
