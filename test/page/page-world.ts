import { fastify } from 'fastify'
import type { Test } from 'tap'
import { pagePlan } from '../../src/commands/ui/page-plan.ts'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import { profileOf } from '../../src/longhorn/releases.ts'
import { RecentRecords } from '../../src/observability/audit-sinks.ts'
import { cleanUpsElsewhere, imagesNowhere, nodeViews } from '../../src/page/node-view.ts'
import { longhornPart } from '../../src/page/parts.ts'
import { addPage, type PageSource } from '../../src/page/routes.ts'
import { refuseOtherSites } from '../../src/page/same-site.ts'
import type { StateParts, WaitingView } from '../../src/page/state-schema.ts'
import { StoryLog } from '../../src/page/story.ts'
import { TrendRing } from '../../src/page/trend.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { type Clock, systemClock } from '../../src/time/clock.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'

/** A cluster that is shown on a page, and what a test changes there. */
export class PageWorld {
  readonly records = new RecentRecords()
  readonly story = new StoryLog()
  readonly trend: TrendRing
  readonly source: PageSource
  waiting: WaitingView[] = []
  /** The flags that a command needs to look at the same cluster. */
  flags = ''
  /** Why the API server cannot be followed. */
  outage: string | null = null
  /** Plans what the page asks for. */
  plan = pagePlan
  guard: StateParts['guard'] = {
    mode: 'enforce',
    rules: defaultPolicy.modes,
    replicas: [{ replica: 'holdfast-0', version: '0.1.0', synced: true }],
    problem: null,
  }
  currentAt: () => number | undefined
  /** How often the nodes were looked at. */
  looks = 0
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()

  /** @param trend of the hour before; one that begins now if not given */
  constructor({ map }: TestCluster, clock: Clock = systemClock, trend?: TrendRing) {
    this.#clock = clock
    this.currentAt = () => clock.monotonic()
    this.trend =
      trend ?? new TrendRing(() => ({ pending: 0, holds: this.waiting.length }), clock, defaultPolicy)
    this.source = {
      parts: () => ({
        longhorn: longhornPart(map.release),
        guard: this.guard,
        source: { name: 'lab-1', namespace: 'longhorn-system', flags: this.flags },
        map: { synced: true, staleAfterMs: 60_000, unreadable: 0, outage: this.outage },
        waiting: this.waiting,
        elsewhere: cleanUpsElsewhere({ map }),
        imagesNowhere: imagesNowhere({ map, policy: defaultPolicy, timeOfDay: clock.now() }),
      }),
      nodes: (before) => {
        this.looks += 1
        const profile = profileOf(map.release)
        const now = clock.monotonic()
        const reserved = new Map([['n1', 2]])
        return nodeViews({ map, policy: defaultPolicy, profile, now, reserved }, before)
      },
      currentAt: () => this.currentAt(),
      subscribe: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      records: this.records,
      trend: this.trend,
      whatIf: {
        map,
        policy: defaultPolicy,
        plan: (...asked) => this.plan(...asked),
        clock,
        flags: () => this.flags,
      },
      story: this.story,
    }
  }

  /** How many follow the cluster. */
  get followers(): number {
    return this.#listeners.size
  }

  /** Tells whoever looks that something may be different. */
  touch(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  /** A change that begins to wait now. */
  hold(parts: Partial<WaitingView> = {}): WaitingView {
    const now = this.#clock.monotonic()
    const held: WaitingView = {
      id: 'holdfast-0/1',
      replica: 'holdfast-0',
      user: 'anna',
      door: 'webhook',
      object: { kind: 'Node', name: 'n1' },
      doing: 'evicting d2 of n1',
      since: now,
      until: now + 10_000,
      causes: [
        {
          rule: 'eviction-during-cleanup',
          found: 'backing image ubuntu is still being removed from d1 (for 3s)',
          since: now - 3_000,
          until: null,
          progress: null,
        },
      ],
      moreCauses: 0,
      ...parts,
    }
    this.waiting = [...this.waiting, held]
    this.touch()
    return held
  }

  /** Nothing waits any more. */
  release(): void {
    this.waiting = []
    this.touch()
  }

  /** Serves its page over HTTP as a guard does. @returns where */
  async serve(
    t: Pick<Test, 'teardown'>,
    port = 0,
    mostStreams?: number,
  ): Promise<{ url: string; close: () => Promise<void> }> {
    const app = fastify({ logger: false, forceCloseConnections: true })
    refuseOtherSites(app)
    addPage(app, this.source, this.#clock, mostStreams)
    await listen(app, 'test', '127.0.0.1', port)
    t.teardown(async () => {
      this.trend.stop()
      await app.close()
    })
    return { url: `http://127.0.0.1:${portOf(app)}`, close: async () => await app.close() }
  }
}

/** Two nodes; a clean-up is pending on d1 of n1. */
export function smallCluster(): TestCluster {
  return cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [pending('d1'), ready('d3')])
    .image('debian', [ready('d3'), ready('d2')])
}
