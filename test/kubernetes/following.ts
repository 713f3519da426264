import type { Test } from 'tap'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import type { CacheChange } from '../../src/kubernetes/watch/cache.ts'
import type { ListedObject } from '../../src/kubernetes/watch/list-pages.ts'
import type { ListWatchOptions, ListWatchProblem } from '../../src/kubernetes/watch/list-watch-state.ts'
import { ListWatch } from '../../src/kubernetes/watch/list-watch.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { FakeApiServer } from './fake-api-server.ts'

/** The collection that the tests follow. */
export const path = '/apis/example.dev/v1/namespaces/default/things'

/** A thing with one field to tell versions apart. */
export function thing(name: string, size = 1) {
  return { metadata: { name, managedFields: [{ manager: 'kubectl' }] }, size }
}

/** A list-watch on a fake server, with its changes, its problems and its clock. */
export interface Following {
  readonly server: FakeApiServer
  readonly clock: FakeClock
  readonly connection: Connection
  readonly listWatch: ListWatch<ListedObject>
  /** The handler's copy from changes alone, by name. */
  readonly known: Map<string, ListedObject>
  readonly changes: CacheChange<ListedObject>[]
  readonly problems: ListWatchProblem[]
  /** Resolves when a watch is open and everything written is known. */
  readonly caughtUp: () => Promise<void>
  /** Stops the list-watch and the server. */
  readonly stop: () => Promise<void>
}

/** Starts a server, lets `prepare` misuse it, and follows it; all is stopped at the end of the test. */
export async function follow(t: Test, ...how: Parameters<typeof startFollowing>): Promise<Following> {
  const following = await startFollowing(...how)
  t.teardown(following.stop)
  return following
}

/** As `follow`, for those who stop it themselves. */
export async function startFollowing(
  prepare: (server: FakeApiServer) => void = () => undefined,
  options: Partial<ListWatchOptions<ListedObject>> = {},
): Promise<Following> {
  const server = await FakeApiServer.start()
  prepare(server)
  const clock = new FakeClock()
  const connection = connectTo(server.url, { clock })
  const known = new Map<string, ListedObject>()
  const changes: CacheChange<ListedObject>[] = []
  const problems: ListWatchProblem[] = []
  const listWatch = new ListWatch<ListedObject>({
    connection,
    path,
    project: (object) => object,
    onChange: (change) => {
      changes.push(change)
      if (change.type === 'deleted') known.delete(change.name)
      else known.set(change.name, change.value)
    },
    onProblem: (problem) => problems.push(problem),
    clock,
    // Half of each back-off's ceiling: 0.4 s, 0.8 s, 1.6 s, …
    random: () => 0.5,
    ...options,
  })
  const stop = async () => {
    await listWatch.stop()
    connection.close()
    await server.down()
  }
  const caughtUp = async () => {
    await eventually(
      () => {
        const { state } = listWatch
        return state.phase === 'watching' && state.connected && server.watches > 0
      },
      `a watch is open: ${JSON.stringify(listWatch.state)}`,
    )
    await eventually(() => sameObjects(known, server), 'what is known is what is stored')
  }
  return { server, clock, connection, listWatch, known, changes, problems, caughtUp, stop }
}

/** Follows a server with the things `a` and `b`, which are known when it resolves. */
export async function followTwo(t: Test): Promise<Following> {
  const following = await follow(t, ({ store }) => ['a', 'b'].forEach((name) => store.put(path, thing(name))))
  await following.caughtUp()
  following.changes.length = 0
  return following
}

/** How long a list-watch that backs off waits, in milliseconds; NaN for one that does not. */
export function waitOf({ state }: Following['listWatch']): number {
  return state.phase === 'backing-off' ? state.until - state.since : NaN
}

/** True if name and version of everything known is as it is stored. */
export function sameObjects(known: ReadonlyMap<string, ListedObject>, server: FakeApiServer): boolean {
  const stored = server.store.list(path)
  return (
    stored.length === known.size &&
    stored.every(
      ({ metadata }) => known.get(metadata.name)?.metadata.resourceVersion === metadata.resourceVersion,
    )
  )
}
