import { readErrorEvent, readFailure } from './api-failure.ts'
import type { Connection } from './connection.ts'
import { MalformedAnswer } from './json-request.ts'
import { isOlder } from '../longhorn/metadata.ts'
import { RestartNeeded } from './restart-needed.ts'
import { selectionOf } from './selection.ts'
import { parseWatchEvent, type WatchEvent } from './watch-event.ts'
import { watchLines } from './watch-lines.ts'

/** What a watch tells as it goes. */
export interface WatchListener {
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
