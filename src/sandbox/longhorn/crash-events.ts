import type { ClusterObject } from '../cluster-client.ts'
import type { CrashRecord } from './report.ts'
import { apiVersion } from './resources.ts'

/** The Event on the Node that `kubectl describe` and `kubectl get events` show. */
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
