import { type Static, Type } from 'typebox'
import { absent, parser } from '../../json/schema.ts'
import type { Connection } from '../client/connection.ts'
import { jsonRequest, MalformedAnswer } from '../client/json-request.ts'

/** What every object of a list or watch has; the rest is for the kind's own parser. */
export const ClusterObjectSchema = Type.Object({
  metadata: Type.Object({ name: Type.String({ minLength: 1 }), resourceVersion: absent(Type.String()) }),
})

/** An object of the cluster as it came; of its managedFields only when status was written is left. */
export type ClusterObject = Static<typeof ClusterObjectSchema>

/**
 * Drops managedFields from an object that was just read: about half of its size (kubernetes.md, The request). Only the times
 * of the writers of its status are of use: since when a node has been down.
 */
export function withoutManagedFields(object: ClusterObject): ClusterObject {
  const metadata: ClusterObject['metadata'] & { managedFields?: unknown } = object.metadata
  const times = statusTimes(metadata.managedFields)
  if (times.length > 0) metadata.managedFields = times
  else delete metadata.managedFields
  return object
}

const parseFields = parser(
  Type.Array(Type.Object({ subresource: absent(Type.String()), time: absent(Type.String()) })),
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
  /** The version the whole list is of: the watch starts here. */
  readonly resourceVersion: string
  readonly objects: readonly ClusterObject[]
}

const parsePage = parser(
  Type.Object({
    metadata: Type.Object({
      resourceVersion: Type.String({ minLength: 1 }),
      continue: absent(Type.String()),
    }),
    // Go writes an empty list as null.
    items: absent(Type.Array(ClusterObjectSchema)),
  }),
  (raw) => raw,
)

/**
 * Lists a resource page by page, so that no page keeps the event loop for long: 10,000 objects at once block it
 * for 250 ms, pages of 500 for 30 ms. No resourceVersion is asked for, so the first page is a consistent read, and
 * the others are of the same moment.
 *
 * @param path of the collection
 * @param only the name of the one object that is wanted; all if undefined
 * @throws ApiFailure 410 when the list took longer than the server keeps its history (about 5 minutes): all
 *   pages are void then, start again
 */
export async function* listPages(
  connection: Connection,
  path: string,
  {
    pageSize,
    only,
    signal,
  }: { readonly pageSize: number; readonly only?: string | undefined; readonly signal: AbortSignal },
): AsyncGenerator<ListPage, void> {
  let token: string | undefined
  do {
    const query = {
      limit: pageSize,
      ...(token === undefined ? {} : { continue: token }),
      ...selectionOf(only),
    }
    const page = parsePage(await jsonRequest(connection, { method: 'GET', path, query, signal }))
    if (!page.ok)
      throw new MalformedAnswer(`The list of ${path} is not what a list should be: ${page.problem}.`)
    const { resourceVersion, continue: next } = page.value.metadata
    yield { resourceVersion, objects: (page.value.items ?? []).map(withoutManagedFields) }
    if (next && next === token)
      throw new MalformedAnswer(`The list of ${path} repeats the same page for ever.`)
    token = next === '' ? undefined : (next ?? undefined)
  } while (token !== undefined)
}

/**
 * The query of a list or watch of one object. By it RBAC allows a list and a watch to those who have the right for
 * that name alone.
 *
 * @param only its name; undefined for all of the collection
 */
export function selectionOf(only: string | undefined): Readonly<Record<string, string>> {
  return only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }
}
