import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Configuration } from '../../configuration/configuration.ts'
import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { ChangeBus } from '../../gate/change-bus.ts'
import type { MapFreshness } from '../../gate/ports.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import type { EventRecorder } from '../../kubernetes/event-recorder.ts'
import { LeaseElection } from '../../kubernetes/leases/election.ts'
import { ApiReads } from '../../kubernetes/quorum-reads.ts'
import { mayPatchNodes, whoAmI } from '../../kubernetes/who-am-i.ts'
import type { AuditTrail } from '../../observability/audit-trail.ts'
import { ProblemLog } from '../../observability/problem-log.ts'
import { rescueReport } from '../../observability/rescue-report.ts'
import { systemClock } from '../../time/clock.ts'
import { guardNamespace } from '../guard-namespace.ts'
import { Leadership, leaseMs } from './leadership.ts'
import { NodeWrites } from './node-writes.ts'
import { Rescuer } from './rescuer.ts'

/** The parts of a guard that its rescue uses. It owns none of them. */
export interface RescueParts {
  readonly connection: Connection
  readonly map: DiskMapView
  readonly changes: ChangeBus
  readonly freshness: MapFreshness
  readonly trail: AuditTrail
  readonly events: EventRecorder
  readonly registry: Registry
  readonly log: Logger
}

/** The Lease with which replicas elect the one that rescues nodes. */
const electionLease = 'rescuer'

/** Begins to rescue nodes whose manager is in danger. @returns ends it, before the parts end */
export function startRescue(configuration: Configuration, parts: RescueParts): () => Promise<void> {
  const { policy, replica, maxAgeMs } = configuration
  const { connection, map, changes, freshness, trail, events, registry, log } = parts
  const { longhornNamespace } = policy
  const clock = systemClock
  const stopping = new AbortController()
  const { signal } = stopping
  const problems = new ProblemLog(log, clock)
  const standing = new ProblemLog(log, clock)
  let user = `holdfast, replica ${replica}`
  whoAmI(connection, signal).then(
    (name) => (user = name === '' ? user : name),
    // It has stopped.
    () => undefined,
  )
  mayPatchNodes(connection, longhornNamespace, signal).then(
    (may) => {
      if (may === false)
        log.error(
          { longhornNamespace },
          'the right to patch nodes.longhorn.io is missing, so no node in danger is rescued: set rescue.enabled in the chart',
        )
    },
    () => undefined,
  )
  const namespace = guardNamespace(configuration, connection)
  const leadership = new Leadership({
    election: new LeaseElection({ connection, namespace, name: electionLease, replica, clock, leaseMs }),
    clock,
    onProblem: (err) => standing.error({ err }, 'the replica that rescues nodes cannot be elected'),
    onWell: () => standing.well(),
    onLead: (begins) => {
      if (begins) log.info({ lease: electionLease }, 'this replica rescues nodes in danger')
      // Also if it has led before: a disk map that was too old for a while may tell of no change since.
      rescuer.lookSoon()
    },
  })
  const rescuer: Rescuer = new Rescuer({
    ...{ map, changes, freshness, clock, policy, maxAgeMs, signal },
    writes: new NodeWrites({
      ...{ connection, longhornNamespace, signal },
      reads: new ApiReads(connection, longhornNamespace),
      by: () => user,
      now: () => clock.now(),
      onProblem: (err) => problems.error({ err }, 'flags of a node cannot be written'),
    }),
    leads: () => leadership.leads,
    onNews: rescueReport({
      ...{ events, trail, log, registry, clock },
      user: () => user,
      leads: () => leadership.leads,
      tended: () => rescuer.tended,
    }),
  })
  leadership.start()
  return async () => {
    stopping.abort(new Error('the guard stops'))
    await rescuer.stop()
    await leadership.stop()
  }
}
