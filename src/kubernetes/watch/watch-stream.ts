import { Type } from 'typebox'
import { type Parsed, parser } from '../../json/schema.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Connection } from '../client/connection.ts'
import { readErrorEvent, readFailure } from '../client/read-failure.ts'
import { MalformedAnswer } from '../client/json-request.ts'
import { type ListedObject, ClusterObjectSchema, selectionOf, withoutManagedFields } from './list-pages.ts'
import { RestartNeeded } from './restarts.ts'

/** The reports of a watch. */
interface WatchListener {
  /** The headers have come. */
  opened(): void
  /** An object changed, or a bookmark moved the version on. */
  happened(event: Exclude<WatchEvent, { type: 'error' }>): void
  /** Every byte so far is understood and reported: the copy is current. */
  current(): void
}

interface WatchRequest {
  readonly path: string
  /** The name of the one wanted object; all if undefined. */
  readonly only?: string | undefined
  /** Where to start: events after this version. */
  readonly resourceVersion: string
  /** When to ask the server to end it. */
  readonly timeoutSeconds: number
  readonly headersTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Watches a resource until the watch ends. It always ends with an error that says why, also for a normal end
 * by the server.
 *
 * @throws RestartNeeded, ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function watchStream(
  connection: Connection,
  { path, only, resourceVersion, timeoutSeconds, ...limits }: WatchRequest,
  listener: WatchListener,
): Promise<never> {
  const position = { watch: true, allowWatchBookmarks: true, timeoutSeconds, resourceVersion }
  const query = { ...position, ...selectionOf(only) }
  const response = await connection.request({ method: 'GET', path, query, ...limits })
  const what = `WATCH ${path}`
  if (response.status !== 200) {
    throw readFailure(what, response.status, await response.text(), response.headers['retry-after'])
  }
  listener.opened()
  let last = resourceVersion
  for await (const lines of watchLines(response.body)) {
    limits.signal.throwIfAborted()
    for (const line of lines) {
      const event = readEvent(what, line)
      // On a restored etcd the server accepts the watch, and its versions start lower
      // (kubernetes/kubernetes#107457). A new history that has already grown past the known version looks
      // like the old one: a known limit.
      if (isOlder(event.resourceVersion, last)) {
        const message = `${what}: version ${event.resourceVersion} came after ${last}: the server has another history now.`
        throw new RestartNeeded('new-history', message)
      }
      last = event.resourceVersion
      listener.happened(event)
    }
    listener.current()
  }
  throw new RestartNeeded('closed', `${what}: the server ended it.`)
}

function readEvent(what: string, line: string): Exclude<WatchEvent, { type: 'error' }> {
  const event = parseWatchEvent(line)
  if (!event.ok) throw new MalformedAnswer(`${what} sent a malformed watch event: ${event.problem}.`)
  if (event.value.type !== 'error') return event.value
  const failure = readErrorEvent(what, event.value.status)
  // 410 has a separate reason; after any other error the watch cannot be trusted.
  if (failure.code === 410) throw failure
  throw new RestartNeeded('error-event', failure.message, failure)
}

/** An object is at most 1.5 MB in etcd, 3 MB in the largest set-ups: a longer line is no watch event. */
const defaultMaxLineBytes = 16 * 1024 * 1024

/**
 * Splits the bytes of a watch into lines, one JSON event each. It yields once for each chunk, with the lines
 * that the chunk completes, often none, so the reader notices every chunk. Characters may be split over
 * chunks, so it splits bytes. A last line without its newline was cut off and is dropped: the API server
 * sends it again after a reconnect.
 *
 * @throws MalformedAnswer for a line that does not end
 */
export async function* watchLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes = defaultMaxLineBytes,
): AsyncGenerator<readonly string[], void> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      parts.push(chunk.subarray(start, end))
      const line = Buffer.concat(parts).toString('utf8')
      if (line.trim() !== '') lines.push(line)
      parts = []
      bytes = 0
      start = end + 1
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > maxLineBytes) throw new MalformedAnswer(`A watch event is longer than ${maxLineBytes} bytes.`)
    yield lines
  }
}

/** One event of a watch. */
type WatchEvent =
  | { readonly type: 'upserted'; readonly object: ListedObject; readonly resourceVersion: string }
  | { readonly type: 'deleted'; readonly name: string; readonly resourceVersion: string }
  /** No change up to this version: the place to resume. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  /** The watch is over; the object is a Status. */
  | { readonly type: 'error'; readonly status: unknown }

const version = Type.Object({ resourceVersion: Type.String({ minLength: 1 }) })

const parseObjectEvent = parser(
  Type.Object({
    object: Type.Intersect([ClusterObjectSchema, Type.Object({ metadata: version })]),
  }),
  ({ object }) => object,
)
const parseBookmark = parser(
  Type.Object({ object: Type.Object({ metadata: version }) }),
  ({ object }): WatchEvent => ({ type: 'bookmark', resourceVersion: object.metadata.resourceVersion }),
)
const parseType = parser(
  Type.Object({ type: Type.String(), object: Type.Unknown() }),
  ({ type, object }) => ({ type, object }),
)

/** Reads one line of a watch. */
function parseWatchEvent(line: string): Parsed<WatchEvent> {
  let raw: unknown
  try {
    raw = JSON.parse(line)
  } catch {
    return { ok: false, problem: `the line is not JSON: ${line.slice(0, 80)}` }
  }
  const event = parseType(raw)
  if (!event.ok) return event
  switch (event.value.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return objectEvent(event.value.type, raw)
    case 'BOOKMARK':
      return parseBookmark(raw)
    case 'ERROR':
      return { ok: true, value: { type: 'error', status: event.value.object } }
    default:
      return { ok: false, problem: `there is no event of type "${event.value.type}"` }
  }
}

function objectEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', raw: unknown): Parsed<WatchEvent> {
  const parsed = parseObjectEvent(raw)
  if (!parsed.ok) return parsed
  const { name, resourceVersion } = parsed.value.metadata
  if (type === 'DELETED') return { ok: true, value: { type: 'deleted', name, resourceVersion } }
  const object = withoutManagedFields(parsed.value)
  return { ok: true, value: { type: 'upserted', object, resourceVersion } }
}
