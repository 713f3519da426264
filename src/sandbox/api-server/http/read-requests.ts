import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../../../time/clock.ts'
import { invalid, notAcceptable, notFound } from '../failure.ts'
import { listObject, listPage, selectionOf, wholeNumber } from '../store/list.ts'
import type { Store } from '../store/store.ts'
import { watch, type WatchEvent } from '../store/watch.ts'
import type { Target } from './request.ts'
import { sendJson, type Warnings, watchSink } from './send.ts'
import { type IncludeObject, representationOf, tableOf } from './table.ts'

/** The parts that reading needs. */
interface ReadModules {
  readonly store: Store
  readonly clock: Clock
  /** The interval of bookmarks for a watch that asks for them. */
  readonly bookmarkMs: number
  /** How long a watch without its own timeout lasts. */
  readonly watchTimeoutMs: number
}

/** Answers GET: one object, a list, or a watch; as objects or as a table. */
export class ReadRequests {
  readonly #modules: ReadModules
  /** Ends each open watch. */
  readonly #watches = new Set<() => void>()

  constructor(modules: ReadModules) {
    this.#modules = modules
  }

  /** @throws ApiError 404, 406, 410, or 400 for unreadable parameters */
  answer(
    request: IncomingMessage,
    response: ServerResponse,
    target: Target,
    query: URLSearchParams,
    warnings: Warnings,
  ): void {
    const { resource, namespace, name } = target
    const representation = representationOf(request.headers.accept)
    if (representation === 'none') throw notAcceptable()
    const asTable = representation === 'table'
    const include = includeOf(query)
    const options = () => ({ include, nowMs: this.#modules.clock.now(), withColumns: true })
    if (name !== '') {
      const object = this.#modules.store.get(resource, namespace, name)
      if (!object) throw notFound(resource, name)
      const { resourceVersion } = object.metadata
      sendJson(
        response,
        200,
        asTable ? tableOf(resource, [object], { resourceVersion }, options()) : object,
        warnings,
      )
    } else if (['true', '1'].includes(query.get('watch') ?? '')) {
      this.#watch(response, target, query, asTable ? include : undefined)
    } else {
      const page = listPage(this.#modules.store, target, query)
      const body = asTable
        ? tableOf(resource, page.items, page.metadata, options())
        : listObject(resource, page)
      sendJson(response, 200, body, warnings)
    }
  }

  /** Ends every watch. */
  stop(): void {
    for (const end of this.#watches) end()
  }

  /** @param include for a table; undefined for objects */
  #watch(
    response: ServerResponse,
    { resource, namespace }: Target,
    query: URLSearchParams,
    include: IncludeObject | undefined,
  ): void {
    const { store, clock, bookmarkMs, watchTimeoutMs } = this.#modules
    if (query.get('sendInitialEvents') === 'true')
      // The answer of an API server without that feature: the client then lists and watches.
      throw invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', [
        {
          field: 'sendInitialEvents',
          message:
            'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
        },
      ])
    const timeoutSeconds = wholeNumber(query, 'timeoutSeconds')
    const options = {
      resource,
      namespace: namespace === '' ? undefined : namespace,
      selection: selectionOf(resource, query),
      from: wholeNumber(query, 'resourceVersion'),
      bookmarkMs: query.get('allowWatchBookmarks') === 'true' ? bookmarkMs : undefined,
      timeoutMs: timeoutSeconds === 0 ? watchTimeoutMs : timeoutSeconds * 1000,
    }
    let withColumns = true
    const show = (event: WatchEvent): unknown => {
      if (include === undefined || event.type === 'ERROR' || event.type === 'BOOKMARK') return event.object
      const { resourceVersion } = event.object.metadata
      const table = { include, nowMs: clock.now(), withColumns }
      withColumns = false
      return tableOf(resource, [event.object], { resourceVersion }, table)
    }
    const sink = watchSink(response, show)
    const stop = watch(store, clock, options, sink)
    const end = () => {
      stop()
      sink.end()
    }
    this.#watches.add(end)
    response.on('close', () => {
      stop()
      this.#watches.delete(end)
    })
  }
}

function includeOf(query: URLSearchParams): IncludeObject {
  const include = query.get('includeObject')
  return include === 'None' || include === 'Object' ? include : 'Metadata'
}
