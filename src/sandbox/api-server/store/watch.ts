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

/** Options of a watch. */
interface WatchOptions {
  readonly resource: ResourceFacts
  /** Undefined for all namespaces. */
  readonly namespace: string | undefined
  readonly selection: Selection
  /** The revision after which it begins; 0 to begin with every object, as ADDED. */
  readonly from: number
  /** The interval of bookmarks, which say how far the watch has come; undefined for none. */
  readonly bookmarkMs: number | undefined
  /** When the server ends it. */
  readonly timeoutMs: number
}

/** The receiver of the lines of a watch. */
export interface WatchSink {
  send(event: WatchEvent): void
  /** The watch has ended. */
  end(): void
}

/**
 * Shows the changes of a collection, from a past revision on. If the history does not reach the revision, or
 * this server never gave it, the watch ends with ERROR 410 and the client lists again.
 *
 * @returns ends the watch; the sink then gets no more calls
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
  // Commits are shown in microtasks, so a bookmark must wait for those before it.
  const inTurn = (speak: (bookmark: () => void) => void) => {
    const { revision } = store
    queueMicrotask(() => {
      // As in the API server, a resource without writes has no bookmarks.
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
      // The last line says where the next watch can resume.
      bookmark()
      stop()
      sink.end()
    }),
  )
  return stop
}

/** How far a watch has come. With it even a quiet watch can resume later. */
function bookmarkOf(resource: ResourceFacts, revision: number): WatchEvent {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null }
  return { type: 'BOOKMARK', object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata } }
}

/**
 * A change as a selective watch shows it: an object that begins to match is added, one that no longer matches
 * is deleted.
 */
function eventOf(
  { type, object, before }: Commit,
  { namespace, selection }: WatchOptions,
): WatchEvent | undefined {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return undefined
  const was = before !== undefined && selection(before)
  const is = type !== 'DELETED' && selection(object)
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object }
  // The last matching state, but with the version of the change.
  const { resourceVersion } = object.metadata
  if (!was) return undefined
  return { type: 'DELETED', object: selection(object) ? object : withVersion(before, resourceVersion) }
}

function withVersion(object: ClusterObject, resourceVersion: string | undefined): ClusterObject {
  return { ...object, metadata: { ...object.metadata, ...(resourceVersion && { resourceVersion }) } }
}
