/**
 * The label by which commands find the Deployments and pods that judge. No value of the chart changes it, unlike
 * `app.kubernetes.io/name`.
 */
export const componentLabel = 'holdfast.dev/component'

/** Finds the guard's replicas and those of its proxies; no hook, and no pod of `helm test`. */
export const replicaSelector = `${componentLabel} in (guard,proxy-longhorn,proxy-kubernetes)`

/** Finds the guard alone, in commands for people. */
export const guardSelector = `${componentLabel}=guard`
