import { Registry } from 'prom-client'
import type { Configuration } from '../configuration/configuration.ts'
import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Audit } from '../gate/ports.ts'
import type { ReservationBook } from '../gate/reservation-book.ts'
import { systemClock } from '../kubernetes/clock.ts'
import type { DiskMapFeed } from '../kubernetes/disk-map-feed.ts'
import { EventRecorder } from '../kubernetes/event-recorder.ts'
import { profileOf } from '../longhorn/profile.ts'
import { Audits } from '../telemetry/audits.ts'
import { DecisionEvents } from '../telemetry/decision-events.ts'
import { DecisionLog } from '../telemetry/decision-log.ts'
import { DecisionMetrics } from '../telemetry/decision-metrics.ts'
import { stateMetrics } from '../telemetry/state-metrics.ts'
import { expiryOf } from '../tls/expiry.ts'
import type { GuardModules } from './guard.ts'
import { version } from './version.ts'

/** Everything that watches a guard at work. */
export interface Observers {
  readonly registry: Registry
  /** Told of every decision. */
  readonly audit: Audit
  /** To be stopped with the guard. */
  readonly events: EventRecorder
}

/** What there is to be observed. */
export interface Observed {
  readonly map: DiskMapView
  readonly feed: DiskMapFeed
  readonly book: ReservationBook
  readonly holding: () => number
  /** PEM of what is served now. */
  readonly certificate: () => string
}

/** Log, metrics and Events of one guard. */
export function observers(
  { policy, replica }: Configuration,
  { connection, log, audit, registry = new Registry() }: GuardModules,
  { map, feed, book, holding, certificate }: Observed,
): Observers {
  const events = new EventRecorder({
    connection,
    namespace: policy.longhornNamespace,
    replica,
    clock: systemClock,
    onProblem: (error) => log.warn({ err: error }, 'Events cannot be written'),
  })
  stateMetrics(registry, {
    version: version(),
    map,
    profile: () => profileOf(policy.release ?? map.release),
    knowledge: feed,
    book,
    clock: systemClock,
    holding,
    restarts: () => restartsOf(feed),
    certificateExpiry: () => expiryOf(certificate()),
    droppedEvents: () => events.dropped,
  })
  const audits = [
    new DecisionMetrics(registry),
    new DecisionEvents(events, (name) => map.node(name)?.metadata.uid),
    audit ?? new DecisionLog(log, systemClock),
  ]
  return { registry, audit: new Audits(audits), events }
}

function* restartsOf(feed: DiskMapFeed) {
  for (const [kind, { counters }] of feed.followers) {
    for (const [reason, count] of Object.entries(counters.restarts))
      if (count > 0) yield { kind, reason, count }
  }
}
