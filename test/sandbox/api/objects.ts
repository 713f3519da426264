import type { ClusterObject } from '../../../src/sandbox/cluster-client.ts'
import { apiVersion } from '../../../src/sandbox/controllers/resources.ts'

const namespace = 'longhorn-system'

/** A node of Longhorn with one disk. */
export function node(name: string, metadata: Partial<ClusterObject['metadata']> = {}): ClusterObject {
  return {
    apiVersion,
    kind: 'Node',
    metadata: { name, namespace, ...metadata },
    spec: {
      name,
      evictionRequested: false,
      disks: { d1: { path: '/var/lib/longhorn', evictionRequested: false } },
    },
  }
}

/** A setting of Longhorn: the cheapest object there is. */
export function setting(name: string, value: string, labels: Record<string, string> = {}): ClusterObject {
  return { apiVersion, kind: 'Setting', metadata: { name, namespace, labels }, value }
}
