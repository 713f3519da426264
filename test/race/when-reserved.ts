import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { object, text } from '../../src/sandbox/json.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }

/**
 * Does something in the moment in which a door has made a reservation, before that learns that it stands: so what it
 * reserved for does not come by itself.
 *
 * @param count at which of its reservations from now on
 * @param signal ends the wait for so many
 * @returns whether it has come to that
 */
export async function whenReserved(
  sandbox: Sandbox,
  replica: string,
  act: () => void,
  count = 1,
  signal?: AbortSignal,
): Promise<boolean> {
  let seen = 0
  return await new Promise<boolean>((resolve) => {
    const unsubscribe = sandbox.api.subscribe(leases, ({ type, object: lease }) => {
      if (type === 'DELETED' || !hasReservedLast(lease, replica)) return
      seen += 1
      if (seen < count) return
      unsubscribe()
      act()
      resolve(true)
    })
    signal?.addEventListener('abort', () => {
      unsubscribe()
      resolve(false)
    })
  })
}

/** True if the door wrote this Lease last, and has an eviction, a removal or a placement reserved there. */
function hasReservedLast({ metadata, spec }: ClusterObject, replica: string): boolean {
  const reservations = metadata.annotations?.['holdfast.dev/reservations'] ?? ''
  const isOwn = reservations
    .split('\n')
    .some((line) => line.includes(`"by":"${replica}"`) && !line.includes('"write"'))
  return text(object(spec).holderIdentity) === replica && isOwn
}
