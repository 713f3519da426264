import { Type } from 'typebox'
import { optional, optionalMap, parser } from '../../json/schema.ts'
import type { Deployment, Facts, Pod } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'

/** Reads a Deployment. */
export const parseDeployment = parser(
  Type.Object({
    metadata: Type.Object({ name: Type.String(), labels: optionalMap(Type.String()) }),
    spec: Type.Object({ replicas: optional(Type.Integer()) }),
  }),
  ({ metadata: { name, labels }, spec }): Deployment => ({
    name,
    wanted: isGuard(labels) ? (spec.replicas ?? 1) : 0,
  }),
)

/** Reads a pod. The container of the guard is `holdfast`, or else the first one. */
export const parsePod = parser(
  Type.Object({
    metadata: Type.Object({
      name: Type.String(),
      labels: optionalMap(Type.String()),
      deletionTimestamp: optional(Type.String()),
    }),
    spec: Type.Object({
      containers: Type.Array(Type.Object({ name: Type.String(), image: optional(Type.String()) })),
    }),
    status: optional(
      Type.Object({
        conditions: optional(Type.Array(Type.Object({ type: Type.String(), status: Type.String() }))),
      }),
    ),
  }),
  ({ metadata, spec, status }): Pod => {
    const container = spec.containers.find(({ name }) => name === 'holdfast') ?? spec.containers[0]
    const leaving = (metadata.deletionTimestamp ?? '') !== ''
    return {
      name: metadata.name,
      image: container?.image ?? '',
      ready: (status?.conditions ?? []).some((each) => each.type === 'Ready' && each.status === 'True'),
      serves: !leaving && isGuard(metadata.labels),
    }
  },
)

/** By the label of the chart. */
function isGuard(labels: Readonly<Record<string, string | null>> | null | undefined): boolean {
  return labels?.[componentLabel] === 'guard'
}

/** Whether enough replicas answer, and all have one version. */
export function checkReplicas({
  deployments,
  pods,
  policies,
  names,
}: Pick<Facts, 'deployments' | 'pods' | 'policies' | 'names'>): DoctorFinding[] {
  const { namespace } = names
  const findings: DoctorFinding[] = []
  if ('problem' in deployments) {
    findings.push(
      notKnown('replicas', 'The wanted number of replicas could not be read.', deployments.problem),
    )
  }
  if ('problem' in pods) {
    findings.push(notKnown('replicas', 'The pods of the guard could not be read.', pods.problem))
    return findings
  }
  const look = `Look: kubectl -n ${namespace} get pods -l ${guardSelector} -o wide`
  const serving = pods.seen.filter(({ serves }) => serves)
  const ready = serving.filter((pod) => pod.ready)
  const wanted =
    'seen' in deployments ? deployments.seen.reduce((total, each) => total + each.wanted, 0) : undefined
  // Otherwise pods would have been asked.
  const outside = 'seen' in policies ? policies.seen.length : 0
  if (serving.length === 0 && wanted === 0 && outside > 0)
    return [ok('replicas', `A guard on this machine answers, outside any pod (${outside} of them).`)]
  const count = `${ready.length} of ${wanted ?? serving.length} replicas of the guard`
  if (ready.length === 0) {
    const none = serving.length === 0 && (wanted ?? 0) === 0
    findings.push(
      problem('error', 'replicas', {
        what: none
          ? `There is no guard in namespace ${namespace}.`
          : `${count} in namespace ${namespace} are ready.`,
        why: 'No guard answers: with failurePolicy Fail every eviction is denied, with Ignore nothing is judged.',
        remedy: none
          ? `If it runs elsewhere: holdfast doctor --namespace <name>. Install it: helm upgrade --install holdfast charts/holdfast --namespace ${namespace} --create-namespace`
          : `${look}; kubectl -n ${namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 20`,
      }),
    )
  } else if (ready.length < Math.max(wanted ?? 0, serving.length)) {
    findings.push(
      problem('warn', 'replicas', {
        what: `${count} are ready.`,
        why: 'If the others do not start, no guard may be left to answer when one more stops.',
        remedy: look,
      }),
    )
  } else if (ready.length === 1) {
    findings.push(
      problem('warn', 'replicas', {
        what: 'The guard has only one replica.',
        why: 'No guard answers while it restarts or its node is drained.',
        remedy: `helm upgrade holdfast charts/holdfast --namespace ${namespace} --reset-then-reuse-values --set replicas=2`,
      }),
    )
  }
  const images = [...new Set(serving.map(({ image }) => image))].toSorted()
  if (images.length > 1) {
    findings.push(
      problem('warn', 'replicas', {
        what: `The replicas run different images: ${images.join(', ')}.`,
        why: 'During an upgrade that is normal for a minute. If it stays, the answer to a request depends on the replica.',
        remedy: `kubectl -n ${namespace} rollout status deployment -l ${guardSelector}`,
      }),
    )
  }
  return findings.length > 0
    ? findings
    : [ok('replicas', `${count} are ready, all of image ${images.join('')}.`)]
}

/**
 * The label by which commands find the Deployments and pods that judge. Unlike `app.kubernetes.io/name`, no
 * value of the chart changes it.
 */
export const componentLabel = 'holdfast.dev/component'

/** Finds the replicas of the guard and its proxies, without hooks and `helm test`. */
export const replicaSelector = `${componentLabel} in (guard,proxy-longhorn,proxy-kubernetes)`

/** Finds only the guard, in commands for people. */
export const guardSelector = `${componentLabel}=guard`
