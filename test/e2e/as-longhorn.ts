import { longhornPath, type Cluster } from './cluster.ts'
import type { Patch } from './holding.ts'

/** A merge patch by Longhorn's own account, which is never held; without a start of kubectl. @returns the answer */
export async function asLonghorn(cluster: Cluster, { object, spec }: Patch): Promise<string> {
  await cluster.caughtUp?.()
  const { connection } = cluster
  const answer = await connection.request({
    method: 'PATCH',
    path: longhornPath(object),
    headers: {
      'content-type': 'application/merge-patch+json',
      'impersonate-user': 'system:serviceaccount:longhorn-system:longhorn-service-account',
    },
    body: JSON.stringify({ spec }),
    signal: AbortSignal.timeout(30_000),
  })
  return await answer.text()
}
