import { type Static, Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import type { Pace } from '../../time/pace.ts'
import type { Connection } from '../client/connection.ts'
import { jsonRequest, MalformedAnswer } from '../client/json-request.ts'

/** The common fields of all objects in a list or watch; the parser of the kind reads the rest. */
export const ClusterObjectSchema = Type.Object({
  metadata: Type.Object({ name: Type.String({ minLength: 1 }), resourceVersion: optional(Type.String()) }),
})

/** An object of the cluster as it came. Of its managedFields only the write times of status are left. */
export type ListedObject = Static<typeof ClusterObjectSchema>

/**
 * Drops managedFields from an object that was just read: about half of its size (kubernetes.md, The request).
 * Only the write times of its status are useful: they tell since when a node has been down.
 */
export function withoutManagedFields(object: ListedObject): ListedObject {
  const metadata: ListedObject['metadata'] & { managedFields?: unknown } = object.metadata
  const times = statusTimes(metadata.managedFields)
  if (times.length > 0) metadata.managedFields = times
  else delete metadata.managedFields
  return object
}

const parseFields = parser(
  Type.Array(Type.Object({ subresource: optional(Type.String()), time: optional(Type.String()) })),
  (fields) =>
    fields.flatMap(({ subresource, time }) => (subresource === 'status' ? [{ subresource, time }] : [])),
)

function statusTimes(fields: unknown): readonly object[] {
  if (fields === undefined) return []
  const parsed = parseFields(fields)
  return parsed.ok ? parsed.value : []
}

/** A page of a list. */
interface ListPage {
  /** The version of the whole list: the watch starts here. */
  readonly resourceVersion: string
  readonly objects: readonly ListedObject[]
}

const parsePage = parser(
  Type.Object({
    metadata: Type.Object({
      resourceVersion: Type.String({ minLength: 1 }),
      continue: optional(Type.String()),
    }),
    // Go writes an empty list as null.
    items: optional(Type.Array(ClusterObjectSchema)),
  }),
  (raw) => raw,
)

/**
 * Lists a resource page by page, so that no page blocks the event loop for long: 10,000 objects at once block
 * it for 250 ms, 500 for 30 ms. The request has no resourceVersion. So the first page is a
 * consistent read, and the others show the same moment.
 *
 * @param path of the collection
 * @param only the name of the one wanted object; all if undefined
 * @param pace by which pages are read; each at once if undefined
 * @throws ApiFailure 410 if the list took longer than the server keeps its history (about 5 minutes). All
 *   pages are void then, and the caller starts again
 */
export async function* listPages(
  connection: Connection,
  path: string,
  {
    pageSize,
    only,
    pace,
    signal,
  }: {
    readonly pageSize: number
    readonly only?: string | undefined
    readonly pace?: Pace | undefined
    readonly signal: AbortSignal
  },
): AsyncGenerator<ListPage, void> {
  let token: string | undefined
  do {
    const query = {
      limit: pageSize,
      ...(token === undefined ? {} : { continue: token }),
      ...selectionOf(only),
    }
    const turn = pace && { turn: () => pace.turn() }
    const page = parsePage(await jsonRequest(connection, { method: 'GET', path, query, signal, ...turn }))
    if (!page.ok) throw new MalformedAnswer(`The list of ${path} is malformed: ${page.problem}.`)
    const { resourceVersion, continue: next } = page.value.metadata
    yield { resourceVersion, objects: (page.value.items ?? []).map(withoutManagedFields) }
    if (next && next === token)
      throw new MalformedAnswer(`The list of ${path} repeats the same page for ever.`)
    token = next === '' ? undefined : (next ?? undefined)
  } while (token !== undefined)
}

/**
 * The query for a list or watch of one object. RBAC allows such a list and watch to clients with the right
 * for that name alone.
 *
 * @param only its name; undefined for all of the collection
 */
export function selectionOf(only: string | undefined): Readonly<Record<string, string>> {
  return only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }
}
