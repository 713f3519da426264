import { Counter, Gauge, type Registry } from 'prom-client'
import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { MapFreshness } from '../gate/ports.ts'
import type { ReservationBook } from '../gate/reservation-book.ts'
import { intents } from '../gate/reservation.ts'
import { isFlagged } from '../longhorn/node.ts'
import type { Profile } from '../longhorn/releases.ts'
import { isInDanger } from '../rules/disks-at-risk.ts'
import type { Clock } from '../time/clock.ts'
import type { LogStream } from './log.ts'

/** The sources of the present state, read only when Prometheus scrapes. */
interface StateSources {
  readonly version: string
  readonly map: DiskMapView
  readonly profile: () => Profile
  readonly freshness: MapFreshness
  readonly book: Pick<ReservationBook, 'entries'>
  readonly clock: Pick<Clock, 'monotonic'>
  /** How far the clock furthest off is ahead of this machine's, in seconds. */
  readonly clockSkew: () => number
  /** The number of nodes where an ended change still counts. */
  readonly settling: () => number
  /** The number of requests that it holds now. */
  readonly holding: () => number
  /** How often each list-watch was restarted, by kind and reason. */
  readonly restarts: () => Iterable<{
    readonly kind: string
    readonly reason: string
    readonly count: number
  }>
  /** When the serving certificate expires; absent without TLS. */
  readonly certificateExpiry?: () => Date
  /** Dropped Events, by reason. */
  readonly droppedEvents: () => Readonly<Record<string, number>>
}

/** Registers the metrics of the guard's present state. */
export function stateMetrics(registry: Registry, sources: StateSources): void {
  const { version, map, profile, freshness, book, clock, holding } = sources
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
  const registers = [registry]
  new Gauge({
    name: 'holdfast_info',
    help: 'The version of Holdfast, and what the Longhorn release does (profile A, B, C or none).',
    labelNames: ['version', 'profile'],
    registers,
    collect() {
      this.reset()
      this.set({ version, profile: profile() }, 1)
    },
  })
  gauge('holdfast_holds', 'Requests that wait now.', holding)
  new Gauge({
    name: 'holdfast_reservations',
    help: 'Reserved changes: admitted ones that may still be committed, and evictions that wait for clean-ups.',
    labelNames: ['intent'],
    registers,
    collect() {
      for (const intent of intents) this.set({ intent }, 0)
      for (const { reservations } of book.entries())
        for (const { intent } of reservations) this.inc({ intent })
    },
  })
  gauge('holdfast_disk_map_synced', '1 once every Longhorn object was read.', () => Number(freshness.synced))
  gauge(
    'holdfast_disk_map_age_seconds',
    'Time since the disk map was last known to be current; +Inf before that.',
    () => freshness.ageMs() / 1_000,
  )
  gauge(
    'holdfast_unreadable_objects',
    'Longhorn objects that cannot be read; dangerous changes are denied while there are any.',
    () => freshness.unreadable.length,
  )
  gauge(
    'holdfast_clock_skew_seconds',
    'How far the clock of the API server or of another replica is ahead of this one’s: that furthest off.',
    sources.clockSkew,
  )
  gauge(
    'holdfast_pending_cleanups',
    'Pending clean-ups: copies that spec no longer has and status still lists.',
    () => count(map.pendingCleanups()),
  )
  gauge(
    'holdfast_oldest_pending_cleanup_seconds',
    'How long the oldest of them has been pending; 0 if none is.',
    () => {
      let oldest = clock.monotonic()
      const now = oldest
      for (const { since } of map.pendingCleanups()) oldest = Math.min(oldest, since)
      return (now - oldest) / 1_000
    },
  )
  gauge(
    'holdfast_settling_nodes',
    'Nodes where a flag or a clean-up has just ended and Longhorn may not have noticed: conflicting requests wait.',
    sources.settling,
  )
  gauge('holdfast_flagged_nodes', 'Nodes with an eviction flag up, their own or a disk’s.', () =>
    count(map.nodes(), isFlagged),
  )
  gauge(
    'holdfast_nodes_in_danger',
    'Nodes on which a flag and a pending clean-up have met: their manager crashes.',
    () => count(map.nodes(), (node) => isInDanger(node, map, profile())),
  )
  new Counter({
    name: 'holdfast_watch_restarts_total',
    help: 'Lists and watches that were restarted; `closed` is normal.',
    labelNames: ['kind', 'reason'],
    registers,
    collect() {
      this.reset()
      for (const { kind, reason, count } of sources.restarts()) this.inc({ kind, reason }, count)
    },
  })
  const { certificateExpiry } = sources
  if (certificateExpiry) {
    gauge(
      'holdfast_certificate_expiry_timestamp_seconds',
      'When the serving certificate expires, as Unix time.',
      () => certificateExpiry().getTime() / 1_000,
    )
  }
  new Counter({
    name: 'holdfast_events_dropped_total',
    help: 'Kubernetes Events that were not written: too many at once, or refused by the API server.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(sources.droppedEvents())) this.inc({ reason }, count)
    },
  })
}

function count<T>(items: Iterable<T>, counts: (item: T) => boolean = () => true): number {
  let total = 0
  for (const item of items) if (counts(item)) total += 1
  return total
}

/** The observed state of the book of reservations that all doors share. */
interface BookSources<S extends string> {
  /** Whether this door writes in it. */
  readonly anchor: S
  /** The number of other namespaces with Leases of a guard; undefined if the search fails. */
  readonly others: number | undefined
}

/**
 * Registers the metrics of the book.
 *
 * @param states all possible values of `anchor`
 */
export function bookMetrics<S extends string>(
  registry: Registry,
  states: readonly S[],
  sources: BookSources<S>,
): void {
  const registers = [registry]
  new Gauge({
    name: 'holdfast_book_anchor',
    help: 'Whether this guard or proxy keeps its Leases where the others do: 1 for its state. Dangerous changes are denied while it is elsewhere or unknown.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of states) this.set({ state }, Number(sources.anchor === state))
    },
  })
  new Gauge({
    name: 'holdfast_other_books',
    help: 'Other namespaces with Leases of a guard; NaN if the search fails.',
    registers,
    collect() {
      this.set(sources.others ?? NaN)
    },
  })
}

/** Counts the results that are not in the report of denials. */
export function reportMetrics(
  registry: Registry,
  writer: { readonly dropped: Readonly<Record<string, number>> },
): void {
  new Counter({
    name: 'holdfast_report_dropped_total',
    help: 'Results that are not in the report of denials: too many waited, the API server rejected them, or they were not written before the end.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(writer.dropped)) if (count > 0) this.inc({ reason }, count)
    },
  })
}

/** Counts the lines that are not in the log. */
export function logMetrics(registry: Registry, stream: Pick<LogStream, 'dropped'>): void {
  new Counter({
    name: 'holdfast_log_dropped_total',
    help: 'Lines that are not in the log: its reader was too slow, or standard output was closed.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(stream.dropped)) if (count > 0) this.inc({ reason }, count)
    },
  })
}
