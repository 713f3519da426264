import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import { absent, absentMap, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'

const label = 'holdfast.dev/address'
const annotation = 'holdfast.dev/operator-address'

/** The longest that taking an address back may take, in milliseconds. */
const withdrawMs = 2_000

/** A replica that runs in no pod, and where people's commands reach it on its machine. */
interface Announcement {
  /** The namespace of its Leases. */
  readonly namespace: string
  readonly replica: string
  /** On 127.0.0.1. */
  readonly operatorPort: number
}

/**
 * Writes the address of a replica that runs in no pod on a Lease of its own, so that `holdfast audit` and `status` find it as
 * they find pods. One that was killed leaves it behind; nobody answers there, and that is looked at.
 *
 * @returns takes it back; never rejects
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
    // It was killed, and starts again where it was.
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
    items: absent(
      Type.Array(Type.Object({ metadata: Type.Object({ annotations: absentMap(Type.String()) }) })),
    ),
  }),
  ({ items }) => (items ?? []).flatMap(({ metadata }) => metadata.annotations?.[annotation] ?? []),
)

/**
 * The addresses that replicas have announced. Whoever may write Leases may write one, so only those on this machine count.
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
  if (!parsed.ok)
    throw new MalformedAnswer(`The list of ${path} is not what it should be: ${parsed.problem}.`)
  // A guard that was killed leaves its address to the next one on that port.
  return [...new Set(parsed.value.filter((address) => /^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(address)))]
}

function leasesOf(namespace: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`
}
