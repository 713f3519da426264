import type { Test } from 'tap'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { DiskMapFeed, type DiskMapFeedOptions } from '../../src/kubernetes/disk-map-feed.ts'
import type { FeedProblem } from '../../src/kubernetes/feed-problem.ts'
import { type Kind, kinds, type LonghornObject } from '../../src/longhorn/kinds.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { FakeApiServer } from './fake-api-server.ts'

/** The path of a kind. */
export function pathOf(kind: Kind): string {
  return `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${kinds[kind].plural}`
}

/** A Longhorn node, as raw as it comes. */
export function node(name: string, evictionRequested: unknown = false) {
  return { metadata: { name }, spec: { evictionRequested } }
}

/** When every clock of these tests begins. */
const start = new FakeClock().now()

/** A sink that remembers, and refuses on demand. */
export class RememberingSink {
  readonly objects = new Map<string, LonghornObject>()
  readonly times = new Set<number>()
  /** Its calls about outages, first lists and missed objects, in order. */
  readonly events: string[] = []
  refuse: string | undefined

  apply(object: LonghornObject, at: number, isFirst: boolean): void {
    if (isFirst) this.events.push(`first ${object.metadata.name}`)
    if (object.metadata.name === this.refuse) throw new Error(`no room for ${this.refuse}`)
    this.times.add(at)
    this.objects.set(`${object.kind}/${object.metadata.name}`, object)
  }

  outageBegan(began: number): void {
    this.events.push(`out since ${began - start}`)
  }

  outageEnded(at: number): void {
    this.events.push(`well again at ${at - start}`)
  }

  remove(kind: Kind, name: string, at: number, unseen: boolean): void {
    this.events.push(`${name} ${unseen ? 'is missed' : 'goes'}`)
    this.times.add(at)
    this.objects.delete(`${kind}/${name}`)
  }

  get names(): string[] {
    return [...this.objects.keys()].sort()
  }
}

/** Feeds a remembering sink from a fake server that `prepare` may misuse; all is stopped with the test. */
export async function feeding(
  t: Test,
  prepare: (server: FakeApiServer) => void = () => undefined,
  options: Partial<DiskMapFeedOptions> = {},
) {
  const server = await FakeApiServer.start()
  prepare(server)
  const clock = new FakeClock()
  const connection = connectTo(server.url, { clock })
  const sink = new RememberingSink()
  const problems: FeedProblem[] = []
  const feed = new DiskMapFeed({
    connection,
    namespace: 'longhorn-system',
    sink,
    onProblem: (problem) => problems.push(problem),
    clock,
    random: () => 0.5,
    ...options,
  })
  t.teardown(async () => {
    await feed.stop()
    connection.close()
    await server.down()
  })
  // Both sides: the feed has an answer to each watch only some time after the server has begun it.
  const watching = async () =>
    await eventually(
      () =>
        server.watches === 6 &&
        [...feed.followers.values()].every(({ state }) => state.phase === 'watching' && state.connected),
      'all six kinds are watched',
    )
  return { server, clock, sink, problems, feed, watching }
}
