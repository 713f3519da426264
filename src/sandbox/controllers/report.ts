import type { ClusterObject, FailureStatus } from '../cluster-client.ts'
import { apiVersion } from './resources.ts'

/** One crash of a manager. */
export interface CrashRecord {
  /** The node of the manager. */
  readonly node: string
  /** The disk's name on its node. */
  readonly disk: string
  readonly diskUUID: string
  readonly image: string
  /** The time, RFC 3339. */
  readonly at: string
  /** The running release, from the setting; empty if it is unknown. */
  readonly release: string
  /** How often this manager has crashed, this time included. */
  readonly count: number
  /** Milliseconds until the restart of the manager. */
  readonly restartInMs: number
  /**
   * The versions of both objects in the manager's caches. Old ones mean that it lagged, or had begun before.
   */
  readonly seen: { readonly node: string; readonly image: string }
  /** The last line of the manager's log. */
  readonly message: string
}

/** Everything in the miniature that is worth a log line. */
export type Report =
  | { readonly kind: 'crash'; readonly crash: CrashRecord }
  | { readonly kind: 'recovered'; readonly node: string }
  /** Profile C: the manager requeues its node because this clean-up is pending (longhorn.md §2). */
  | { readonly kind: 'requeued'; readonly node: string; readonly image: string; readonly disk: string }
  /** The API server, usually a webhook, refused this write; the next sync tries again. */
  | { readonly kind: 'refused'; readonly write: string; readonly status: FailureStatus }
  /** An unexpected error: the next sync retries. */
  | { readonly kind: 'failed'; readonly work: string; readonly error: unknown }

/** The Event on the Node in `kubectl describe` and `kubectl get events`. */
export function crashEvent(
  crash: CrashRecord,
  namespace: string,
  nodeUid: string | undefined,
): ClusterObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${crash.node}.crash-${crash.count}-${Date.parse(crash.at)}`, namespace },
    involvedObject: { apiVersion, kind: 'Node', name: crash.node, namespace, uid: nodeUid ?? '' },
    type: 'Warning',
    reason: 'ManagerCrashed',
    message: crash.message,
    source: { component: 'longhorn-manager', host: crash.node },
    firstTimestamp: crash.at,
    lastTimestamp: crash.at,
    count: 1,
  }
}
