import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { optional, optionalMap, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'

const label = 'holdfast.dev/address'
const annotation = 'holdfast.dev/operator-address'

/** The longest time for withdrawing an address, in milliseconds. */
const withdrawMs = 2_000

/** A replica outside any pod, and its address on its machine for people's commands. */
interface Announcement {
  /** The namespace of its Leases. */
  readonly namespace: string
  readonly replica: string
  /** On 127.0.0.1. */
  readonly operatorPort: number
}

/**
 * Writes the address of a replica outside any pod on a separate Lease, so that `holdfast audit` and `status`
 * find it as they find pods. A killed replica leaves its Lease behind, so readers check that the address
 * answers.
 *
 * @returns withdraws it; never rejects
 * @throws ApiFailure, ConnectionFailure, or the signal's reason
 */
export async function announceReplica(
  connection: Connection,
  { namespace, replica, operatorPort }: Announcement,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const address = `http://127.0.0.1:${operatorPort}`
  const id = createHash('sha256').update(`${replica} ${operatorPort}`).digest('hex').slice(0, 16)
  const name = `holdfast-address-${id}`
  const path = leasesOf(namespace)
  const remove = async (within: AbortSignal): Promise<void> => {
    await jsonRequest(connection, { method: 'DELETE', path: `${path}/${name}`, signal: within })
  }
  const json = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, labels: { [label]: 'true' }, annotations: { [annotation]: address } },
    spec: { holderIdentity: replica },
  }
  const create = () => jsonRequest(connection, { method: 'POST', path, json, signal })
  try {
    await create()
  } catch (error) {
    // A killed replica has started again at the same place.
    if (!(error instanceof ApiFailure) || error.code !== 409) throw error
    await remove(signal)
    await create()
  }
  return async () => {
    await remove(AbortSignal.timeout(withdrawMs)).catch(() => undefined)
  }
}

const parseLeases = parser(
  Type.Object({
    items: optional(
      Type.Array(Type.Object({ metadata: Type.Object({ annotations: optionalMap(Type.String()) }) })),
    ),
  }),
  ({ items }) => (items ?? []).flatMap(({ metadata }) => metadata.annotations?.[annotation] ?? []),
)

/**
 * The announced addresses of replicas. Anyone with the right to write Leases can announce one, so only those
 * on this machine count.
 *
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function announcedReplicas(
  connection: Connection,
  namespace: string,
  signal: AbortSignal,
): Promise<string[]> {
  const path = leasesOf(namespace)
  const query = { labelSelector: `${label}=true` }
  const parsed = parseLeases(await jsonRequest(connection, { method: 'GET', path, query, signal }))
  if (!parsed.ok) throw new MalformedAnswer(`The list of ${path} is malformed: ${parsed.problem}.`)
  // A killed guard leaves its address, and another guard may use that port now.
  return [...new Set(parsed.value.filter((address) => /^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(address)))]
}

function leasesOf(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`
}
