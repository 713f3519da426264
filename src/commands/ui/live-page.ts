import { asJson } from '../../tls/last-answers.ts'
import { ConnectionLimit } from '../../doors/http/connection-limit.ts'
import { listen, portOf } from '../../doors/http/listen.ts'
import { smallPort } from '../../doors/http/small-port.ts'
import type { Entry } from '../../gate/reservation-book.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { profileOf } from '../../longhorn/releases.ts'
import { cleanUpsElsewhere, imagesNowhere, nodeViews } from '../../page/node-view.ts'
import { longhornPart, policyOf, reservedBy } from '../../page/parts.ts'
import { addPage, type PageSource } from '../../page/routes.ts'
import { refuseOtherSites } from '../../page/same-site.ts'
import type { StateParts } from '../../page/state-schema.ts'
import type { StoryLog } from '../../page/story.ts'
import type { WhatIfModules } from '../../page/what-if.ts'
import type { Policy } from '../../rules/policy.ts'
import { operatorConnections } from '../../server/operator-api.ts'
import type { Clock, Timers } from '../../time/clock.ts'
import type { FollowedGuard } from './followed-guard.ts'
import { ownPagePlan } from './page-plan.ts'

/** The sources of a person's own page. */
interface LivePageModules {
  /** The cluster, as far as the person may read it. */
  readonly live: Pick<LiveMap, 'map' | 'ageMs' | 'outage' | 'unreadable' | 'subscribe'>
  /** The name of the cluster. */
  readonly source: NonNullable<StateParts['source']>
  readonly guard: FollowedGuard
  /** The book of reservations, where it can be read. */
  readonly book?: {
    readonly entries: Iterable<Entry> | undefined
    readonly subscribe: (listener: () => void) => () => void
  }
  readonly story?: StoryLog
  readonly clock: Clock
}

/** A working connection shows a sign at least this often, in milliseconds. */
const staleAfterMs = 120_000

/** The page of a person: the cluster as the person may read it, and all replicas of the guard. */
export function livePage({ live, source, guard, book, story, clock }: LivePageModules): PageSource {
  const { map } = live
  const policy = (): Policy => policyOf(guard.guard)
  const release = (): string | undefined => policy().release ?? map.release
  const whatIf: WhatIfModules = {
    map,
    plan: ownPagePlan,
    clock,
    flags: () => source.flags,
    get policy() {
      return policy()
    },
  }
  return {
    parts: () => ({
      source,
      longhorn: longhornPart(release()),
      guard: guard.guard,
      map: {
        synced: true,
        staleAfterMs,
        unreadable: live.unreadable.length,
        outage: live.outage ?? null,
      },
      waiting: guard.waiting,
      elsewhere: cleanUpsElsewhere({ map }),
      imagesNowhere: imagesNowhere({ map, policy: policy(), timeOfDay: clock.now() }),
    }),
    nodes: (before) => {
      const reserved = reservedBy(book?.entries ?? [])
      const profile = profileOf(release())
      return nodeViews({ map, policy: policy(), profile, now: clock.monotonic(), reserved }, before)
    },
    currentAt: () => clock.monotonic() - live.ageMs(),
    subscribe: (listener) => {
      const ends = [live.subscribe(listener), guard.subscribe(listener), book?.subscribe(listener)]
      return () => {
        for (const end of ends) end?.()
      }
    },
    records: guard.records,
    trend: { trend: () => guard.trend(), subscribe: (listener) => guard.subscribeTrend(listener) },
    whatIf,
    ...(story && { story }),
  }
}

/** A page that is served. */
interface ServedPage {
  /** `http://127.0.0.1:…/ui/` */
  readonly url: string
  readonly close: () => Promise<void>
}

/**
 * Serves a page on this machine alone.
 *
 * @param port 0: any that is free
 * @param timers the machine's own by default
 * @throws CannotListen
 */
export async function servePage(source: PageSource, port: number, timers?: Timers): Promise<ServedPage> {
  const app = smallPort({ inWords: asJson, timers })
  new ConnectionLimit(app.server, operatorConnections, () => undefined)
  refuseOtherSites(app)
  addPage(app, source)
  await listen(app, 'the page (--port)', '127.0.0.1', port)
  return { url: `http://127.0.0.1:${portOf(app)}/ui/`, close: async () => await app.close() }
}
