import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import { isDown, type Node } from '../../longhorn/node.ts'
import { cut, plainLine } from '../../text/plain-text.ts'

/** What selects the pods of the longhorn-manager DaemonSet (Longhorn's chart, daemonset-sa.yaml). */
export const managerSelector = 'app=longhorn-manager'
/** Their container that matters. */
export const managerContainer = 'longhorn-manager'

/** The pod of one longhorn-manager. */
export interface ManagerPod {
  readonly name: string
  /** Where it runs; empty before it is scheduled. */
  readonly node: string
  readonly ready: boolean
  readonly restarts: number
  /** Why it does not run: `CrashLoopBackOff`; undefined while it runs. */
  readonly waiting: string | undefined
  /** When it last ended, in milliseconds since the epoch by the clock of its node; undefined if it never did. */
  readonly endedAt: number | undefined
}

const Terminated = optional(
  Type.Object({ exitCode: optional(Type.Integer()), finishedAt: optional(Type.String()) }),
)

/** Reads a pod as the kubelet writes it. */
export const parseManagerPod = parser(
  Type.Object({
    metadata: Type.Object({ name: Type.String() }),
    spec: optional(Type.Object({ nodeName: optional(Type.String()) })),
    status: optional(
      Type.Object({
        containerStatuses: optional(
          Type.Array(
            Type.Object({
              name: Type.String(),
              ready: optional(Type.Boolean()),
              restartCount: optional(Type.Integer()),
              state: optional(
                Type.Object({
                  waiting: optional(Type.Object({ reason: optional(Type.String()) })),
                  terminated: Terminated,
                }),
              ),
              lastState: optional(Type.Object({ terminated: Terminated })),
            }),
          ),
        ),
      }),
    ),
  }),
  ({ metadata, spec, status }): ManagerPod => {
    const container = status?.containerStatuses?.find(({ name }) => name === managerContainer)
    const ended = container?.state?.terminated ?? container?.lastState?.terminated
    const endedAt = Date.parse(ended?.finishedAt ?? '')
    return {
      name: metadata.name,
      node: spec?.nodeName ?? '',
      ready: container?.ready ?? false,
      restarts: container?.restartCount ?? 0,
      waiting: container?.state?.waiting?.reason ?? (container?.state?.terminated ? 'Terminated' : undefined),
      endedAt: Number.isNaN(endedAt) ? undefined : endedAt,
    }
  },
)

/** The pods of all managers, or why they cannot be looked at. */
export type SeenPods = { readonly seen: readonly ManagerPod[] } | { readonly problem: string }

/** The pod of one node; undefined if it has none, or if none can be looked at. */
export function podOn(node: string, pods: SeenPods): ManagerPod | undefined {
  return 'seen' in pods ? pods.seen.find((pod) => pod.node === node) : undefined
}

/**
 * True if the manager of a node works, as far as can be told. Longhorn's own condition lags by up to 30 s, and is not
 * written at all while no manager works; the kubelet knows at once, and may not be asked.
 */
export function isManagerReady(node: Node, pods: SeenPods): boolean {
  if (isDown(node)) return false
  return 'problem' in pods || (podOn(node.metadata.name, pods)?.ready ?? false)
}

/** How a log of a manager ends. */
export type Panic =
  /** In the code that the published bug is in. */
  | { readonly found: 'this crash' }
  | { readonly found: 'another panic'; readonly line: string }
  | { readonly found: 'no panic' }
  | { readonly found: 'no log'; readonly problem: string }

/** Where the managers of the releases that crash dereference nil (longhorn/longhorn#10464, #11034). */
const culprit = 'syncBackingImageEvictionRequested'

/** Go's own line, and that of Longhorn's handler, which panics again. */
const panicLine = /^panic: .*$|^.*Observed a panic.*$/m

/** Finds the panic in the end of a log. @param log of the container before this one */
export function panicIn(log: string): Panic {
  const line = panicLine.exec(log)?.[0]
  if (line === undefined) return { found: 'no panic' }
  return log.includes(culprit)
    ? { found: 'this crash' }
    : { found: 'another panic', line: cut(plainLine(line), 200) }
}
