import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { HeldChange } from '../gate/held-change.ts'
import type { ChangeBus } from '../gate/change-bus.ts'
import type { MapFreshness } from '../gate/ports.ts'
import type { ReservationBook } from '../gate/reservation-book.ts'
import { profileOf } from '../longhorn/releases.ts'
import type { RecentRecords } from '../observability/audit-sinks.ts'
import { cleanUpsElsewhere, imagesNowhere, type NodesSeen, nodeViews } from '../page/node-view.ts'
import { flagWords, longhornPart, namespaceFlags, modeOf, policyPart, reservedBy } from '../page/parts.ts'
import type { PageSource } from '../page/routes.ts'
import type { TrendRing } from '../page/trend.ts'
import { type HoldBell, waitingViews } from '../page/waiting.ts'
import type { PlanEvictions } from '../page/what-if.ts'
import type { Policy } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'
import { version } from './version.ts'

/** The sources of the page of one replica. */
interface GuardSeen {
  readonly replica: string
  readonly map: DiskMapView
  readonly freshness: Pick<MapFreshness, 'synced' | 'ageMs' | 'unreadable'> & {
    /** Why the API server cannot be followed now. */
    readonly outage: string | undefined
  }
  readonly book: Pick<ReservationBook, 'entries'>
  readonly changes: Pick<ChangeBus, 'subscribe'>
  readonly policy: Policy
  /** The map is too old to judge by after so long. */
  readonly maxAgeMs: number
  /** The changes that are held now. */
  readonly holds: () => readonly HeldChange[]
  /** Rings when that changes. */
  readonly bell: Pick<HoldBell, 'subscribe'>
  readonly records: RecentRecords
  readonly trend: TrendRing
  readonly plan: PlanEvictions
  readonly clock: Clock
}

/** The page of one replica of the guard: its own map, and its own decisions. */
export function guardPage(seen: GuardSeen): PageSource {
  const { replica, map, freshness, book, changes, policy, holds, bell, records, trend, plan, clock } = seen
  const release = (): string | undefined => policy.release ?? map.release
  const flags = flagWords(namespaceFlags(policy.longhornNamespace))
  const nodes = (): NodesSeen => ({
    map,
    policy,
    profile: profileOf(release()),
    now: clock.monotonic(),
    reserved: reservedBy(book.entries()),
  })
  return {
    parts: () => ({
      source: { name: replica, namespace: policy.longhornNamespace, flags },
      longhorn: longhornPart(release()),
      guard: {
        mode: modeOf(policy),
        rules: policy.modes,
        policy: policyPart(policy),
        replicas: [{ replica, version: version(), synced: freshness.synced }],
        problem: null,
      },
      map: {
        synced: freshness.synced,
        staleAfterMs: seen.maxAgeMs,
        unreadable: freshness.unreadable.length,
        outage: freshness.outage ?? null,
      },
      waiting: waitingViews(holds(), replica),
      elsewhere: cleanUpsElsewhere({ map }),
      imagesNowhere: imagesNowhere({ map, policy, timeOfDay: clock.now() }),
    }),
    nodes: (before) => nodeViews(nodes(), before),
    currentAt: () => {
      const ageMs = freshness.ageMs()
      return Number.isFinite(ageMs) ? clock.monotonic() - ageMs : undefined
    },
    subscribe: (listener) => {
      const ends = [changes.subscribe(listener), bell.subscribe(listener)]
      return () => {
        for (const end of ends) end()
      }
    },
    records,
    trend,
    whatIf: { map, policy, plan, clock, flags: () => flags },
  }
}
