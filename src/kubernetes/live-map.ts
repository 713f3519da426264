import { DiskMap } from '../disk-map/disk-map.ts'
import { allKinds, group, type Kind, kinds, type LonghornObject, version } from '../longhorn/kinds.ts'
import type { Connection } from './client/connection.ts'
import { DiskMapFeed } from './disk-map-feed.ts'
import type { FeedProblem } from './feed-problem.ts'
import { type ListedObject, listPages } from './watch/list-pages.ts'
import { defaultListWatchLimits } from './watch/list-watch-state.ts'

/** How to follow a cluster. */
interface LiveMapOptions {
  /** Called for later problems. */
  readonly onProblem?: (problem: FeedProblem) => void
  /** How long to remember ended changes, in milliseconds; the disk map's default if absent. */
  readonly rememberMs?: number
}

/**
 * A disk map that follows a cluster, for a command that looks at it for a while. It does not own the
 * connection.
 */
export class LiveMap {
  readonly map: DiskMap
  readonly #feed: DiskMapFeed
  readonly #listeners: Set<() => void>

  private constructor(map: DiskMap, feed: DiskMapFeed, listeners: Set<() => void>) {
    this.map = map
    this.#feed = feed
    this.#listeners = listeners
  }

  /**
   * Reads everything once and follows it from there.
   *
   * @throws Error with the remedy if something cannot be read at once, since a person is waiting; or the
   * signal's reason
   */
  static async open(
    connection: Connection,
    namespace: string,
    signal: AbortSignal,
    { onProblem = () => undefined, rememberMs }: LiveMapOptions = {},
  ): Promise<LiveMap> {
    const map = new DiskMap(rememberMs === undefined ? {} : { rememberMs })
    const listeners = new Set<() => void>()
    const notify = (): void => {
      for (const listener of listeners) listener()
    }
    const failed = new AbortController()
    const feed = new DiskMapFeed({
      connection,
      namespace,
      sink: {
        // A command that has just started must not take old states for news.
        apply: (object: LonghornObject, at: number, isFirst: boolean) => {
          if (isFirst) map.adopt(object, at)
          else map.apply(object, at)
          notify()
        },
        remove: (kind: Kind, name: string, at: number, unseen: boolean) => {
          map.remove(kind, name, at, unseen)
          notify()
        },
        outageBegan: (began) => map.history.outageBegan(began),
        outageEnded: (at) => map.history.outageEnded(at),
      },
      onProblem: (problem) => {
        if (problem.type === 'not-followed' && !feed.followers.get(problem.kind)?.synced)
          failed.abort(new Error(problem.message))
        else onProblem(problem)
      },
    })
    try {
      await feed.whenSynced(AbortSignal.any([signal, failed.signal]))
    } catch (error) {
      await feed.stop()
      throw error
    }
    return new LiveMap(map, feed, listeners)
  }

  /** Milliseconds since the map was last known to be current. */
  ageMs(): number {
    return this.#feed.ageMs()
  }

  /** Why the cluster cannot be followed now, in words; undefined while it is followed. */
  get outage(): string | undefined {
    return this.#feed.outage
  }

  /** The objects that could not be read. */
  get unreadable(): DiskMapFeed['unreadable'] {
    return this.#feed.unreadable
  }

  /** Calls the listener after each change; the returned function removes it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    await this.#feed.stop()
  }
}

/** An object as it came, with the kind, which lists omit. */
type LonghornClusterObject = ListedObject & { readonly apiVersion: string; readonly kind: Kind }

/**
 * Reads all of Longhorn's objects once, each kind in the state of one moment.
 *
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function* readLonghorn(
  connection: Connection,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<LonghornClusterObject, void> {
  for (const kind of allKinds) {
    const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${kinds[kind].plural}`
    for await (const { objects } of listPages(connection, path, { ...defaultListWatchLimits, signal })) {
      for (const object of objects) yield { ...object, apiVersion: `${group}/${version}`, kind }
    }
  }
}
