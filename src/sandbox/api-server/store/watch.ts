import type { Clock } from '../../../time/clock.ts'
import type { ClusterObject } from '../../cluster-client.ts'
import type { JsonObject } from '../../json.ts'
import { expired, statusOf } from '../failure.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { apiVersionOf } from '../resources.ts'
import type { Selection } from './list.ts'
import type { Commit, Store } from './store.ts'

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: ClusterObject }
  | { readonly type: 'BOOKMARK'; readonly object: JsonObject }
  | { readonly type: 'ERROR'; readonly object: JsonObject }

/** What a watch is to show, and for how long. */
interface WatchOptions {
  readonly resource: ResourceFacts
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined
  readonly selection: Selection
  /** The revision after which it begins; 0: with everything there is, as ADDED. */
  readonly from: number
  /** How often a bookmark says how far the watch has come; undefined: never. */
  readonly bookmarkMs: number | undefined
  /** When the server ends it. */
  readonly timeoutMs: number
}

/** Where the lines of a watch go. */
export interface WatchSink {
  send(event: WatchEvent): void
  /** Nothing more will come. */
  end(): void
}

/**
 * Shows the changes of a collection, beginning in the past if need be. A revision that the history no longer
 * reaches, or one that this server never gave, ends it with ERROR 410: the client lists again.
 *
 * @returns ends the watch; the sink is then not called any more
 */
export function watch(store: Store, clock: Clock, options: WatchOptions, sink: WatchSink): () => void {
  const { resource, namespace, bookmarkMs } = options
  const from = options.from || store.revision
  const missed = from > store.revision ? undefined : store.since(from)
  if (!missed) {
    const { status } = expired(`too old resource version: ${options.from} (${store.revision})`)
    sink.send({ type: 'ERROR', object: statusOf(status) })
    sink.end()
    return () => undefined
  }
  if (options.from === 0)
    for (const object of store.list(resource, namespace).filter(options.selection))
      sink.send({ type: 'ADDED', object })
  const show = (commit: Commit) => {
    const event = eventOf(commit, options)
    if (event) sink.send(event)
  }
  for (const commit of missed) if (commit.resource === resource) show(commit)
  const unsubscribe = store.subscribe(resource, show)

  let stopped = false
  let cancelBookmark = (): void => undefined
  const stop = () => {
    stopped = true
    unsubscribe()
    cancelBookmark()
    cancelTimeout()
  }
  // Commits are shown in microtasks: a bookmark waits its turn behind those it speaks for.
  const inTurn = (speak: (bookmark: () => void) => void) => {
    const { revision } = store
    queueMicrotask(() => {
      // As in the API server, where nothing was written there is nothing to say.
      const bookmark = () =>
        bookmarkMs !== undefined && revision > from && sink.send(bookmarkOf(resource, revision))
      if (!stopped) speak(bookmark)
    })
  }
  const bookmarkEvery = (everyMs: number) => {
    cancelBookmark = clock.setTimer(everyMs, () => {
      inTurn((bookmark) => bookmark())
      bookmarkEvery(everyMs)
    })
  }
  if (bookmarkMs !== undefined) bookmarkEvery(bookmarkMs)
  const cancelTimeout = clock.setTimer(options.timeoutMs, () =>
    inTurn((bookmark) => {
      // The last word says from where the next watch may go on.
      bookmark()
      stop()
      sink.end()
    }),
  )
  return stop
}

/** How far a watch has come: also a quiet one then need not begin in a past that is forgotten. */
function bookmarkOf(resource: ResourceFacts, revision: number): WatchEvent {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null }
  return { type: 'BOOKMARK', object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata } }
}

/** A change as a selective watch sees it: what comes into the selection is added, what leaves it is deleted. */
function eventOf(
  { type, object, before }: Commit,
  { namespace, selection }: WatchOptions,
): WatchEvent | undefined {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return undefined
  const was = before !== undefined && selection(before)
  const is = type !== 'DELETED' && selection(object)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object }
  // The last state that was selected, but at the version of the change.
  const { resourceVersion } = object.metadata
  if (!was) return undefined
  return { type: 'DELETED', object: selection(object) ? object : withVersion(before, resourceVersion) }
}

function withVersion(object: ClusterObject, resourceVersion: string | undefined): ClusterObject {
  return { ...object, metadata: { ...object.metadata, ...(resourceVersion && { resourceVersion }) } }
}
