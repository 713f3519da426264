import { Type } from 'typebox'
import { type Parsed, parser } from '../../json/schema.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Connection } from '../client/connection.ts'
import { readErrorEvent, readFailure } from '../client/failures.ts'
import { MalformedAnswer } from '../client/json-request.ts'
import { type ClusterObject, ClusterObjectSchema, selectionOf, withoutManagedFields } from './list-pages.ts'
import { RestartNeeded } from './restarts.ts'

/** What a watch tells as it goes. */
interface WatchListener {
  /** The headers have come. */
  opened(): void
  /** An object changed, or a bookmark moved the version on. */
  happened(event: Exclude<WatchEvent, { type: 'error' }>): void
  /** Every byte that came was understood and told: what is known is current. */
  current(): void
}

interface WatchRequest {
  readonly path: string
  /** The name of the one object that is wanted; all if undefined. */
  readonly only?: string | undefined
  /** Where to start: events after this version. */
  readonly resourceVersion: string
  /** When the server is to end it. */
  readonly timeoutSeconds: number
  readonly headersTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal
}

/**
 * Watches a resource until it is over; it always ends with an error that says why, a proper end by the server
 * included.
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
      // On a restored etcd the watch is accepted, and its versions start lower (kubernetes/kubernetes#107457). A
      // history that has already grown past our version cannot be told from the old one: a known limit.
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
  if (!event.ok) throw new MalformedAnswer(`${what} sent what is no watch event: ${event.problem}.`)
  if (event.value.type !== 'error') return event.value
  const failure = readErrorEvent(what, event.value.status)
  // 410 has its own reason; for any other the watch is not to be trusted any further.
  if (failure.code === 410) throw failure
  throw new RestartNeeded('error-event', failure.message, failure)
}

/** An object is at most 1.5 MB in etcd, 3 MB in the largest set-ups: a longer line is no watch event. */
const defaultMaxLineBytes = 16 * 1024 * 1024

/**
 * Cuts a watch's bytes into lines, one JSON event each. Yields once for each chunk that comes, with the lines it
 * completes, often none: so the reader knows of every byte. Characters may be split over chunks, so lines are
 * cut as bytes. A last line without its newline was cut off and is dropped; it comes again after a reconnect.
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
  | { readonly type: 'upserted'; readonly object: ClusterObject; readonly resourceVersion: string }
  | { readonly type: 'deleted'; readonly name: string; readonly resourceVersion: string }
  /** Nothing changed up to this version: where to resume. */
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
    return { ok: false, problem: `the line is no JSON: ${line.slice(0, 80)}` }
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
