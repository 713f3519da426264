import { Type } from 'typebox'
import { parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import { CannotRun } from '../surroundings.ts'

const parseNames = parser(
  Type.Object({ items: Type.Array(Type.Object({ metadata: Type.Object({ name: Type.String() }) })) }),
  ({ items }) => items.map(({ metadata: { name } }) => name),
)

/**
 * The Longhorn nodes that a label selector selects now. The API server reads the selector, so it is as in kubectl.
 *
 * @throws CannotRun if it selects none, or is no selector
 */
export async function selectedNodes(
  selector: string,
  { connection, longhornNamespace }: { readonly connection: Connection; readonly longhornNamespace: string },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(longhornNamespace)}/${kinds.Node.plural}`
  const query = { labelSelector: selector }
  try {
    const names = parseNames(await jsonRequest(connection, { method: 'GET', path, query, signal }))
    if (!names.ok) throw new MalformedAnswer(`the list of nodes cannot be read: ${names.problem}`)
    if (names.value.length > 0) return new Set(names.value)
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof ApiFailure) && !(cause instanceof MalformedAnswer)) throw cause
    throw new CannotRun(`cannot select nodes by the labels ${selector}: ${cause.message}`, { cause })
  }
  throw new CannotRun(`no Longhorn node has the labels ${selector}`)
}
