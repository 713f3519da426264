import { Type } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'
import { ClusterObjectSchema, withoutManagedFields, type ClusterObject } from './cluster-object.ts'
import type { Connection } from './connection.ts'
import { jsonRequest, MalformedAnswer } from './json-request.ts'
import { selectionOf } from './selection.ts'

/** A page of a list. */
export interface ListPage {
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
