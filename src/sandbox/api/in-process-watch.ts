import type { OpenWatch, WatchSink } from '../cluster-client.ts'
import type { ResourceFacts } from './columns.ts'
import type { Store } from './store/store.ts'

/**
 * A watch without HTTP. Listing and subscribing happen in one go, so no change falls between.
 *
 * @param ended fires when the server goes away
 */
export function openWatch(
  store: Store,
  resource: ResourceFacts,
  namespace: string,
  ended: AbortSignal,
  sink: WatchSink,
): OpenWatch {
  const unsubscribe = store.subscribe(resource, ({ type, object }) => {
    if (object.metadata.namespace === namespace) sink.changed({ type, object })
  })
  const close = () => {
    unsubscribe()
    ended.removeEventListener('abort', broken)
  }
  const broken = () => {
    close()
    sink.broken()
  }
  ended.addEventListener('abort', broken)
  return { objects: store.list(resource, namespace), close }
}
