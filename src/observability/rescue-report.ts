import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { EventSink } from '../gate/ports.ts'
import { isNone } from '../rules/rescue/flags.ts'
import type { RescueListener, RescueNews } from '../rules/rescue/guard-step.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'
import type { AuditTrail } from './audit-trail.ts'
import { rescueText } from './rescue-record.ts'

/** Where a rescue is told. */
interface RescueReportModules {
  readonly events: EventSink
  readonly trail: Pick<AuditTrail, 'rescued'>
  readonly log: Logger
  readonly registry: Registry
  readonly clock: Pick<Clock, 'monotonic'>
  /** The user that the API server takes the guard for. */
  readonly user: () => string
  readonly leads: () => boolean
  /** How many nodes it has flags to raise on, or is about to clear. */
  readonly tended: () => number
}

const steps = ['cleared', 'would-clear', 'raised', 'struck', 'handed-over', 'not-raised'] as const

/** The longest message that the API server accepts, in UTF-16 units. */
const longestMessage = 1_024

/** The share of Events that a rescue has. No user has this name. */
const share = '(rescue)'

/** Puts what a guard's rescue does on record: an audit record, an Event at the node, a line of the log, a metric. */
export function rescueReport({
  events,
  trail,
  log,
  registry,
  clock,
  user,
  leads,
  tended,
}: RescueReportModules): RescueListener {
  const counter = rescueMetrics(registry, { leads, tended })
  return (node, news) => {
    const { reason, type, message } = rescueText(node, news, clock.monotonic())
    const { name, uid } = node.metadata
    const text = cut(plainLine(message), longestMessage)
    counter.inc({ step: news.what })
    log[levelOf(news)]({ node: name, step: news.what, told: text }, 'rescue')
    trail.rescued({ node, news, message, user: user() })
    events.record({
      ...{ kind: 'Node', name, uid, reason, message: text, share },
      ...(type === 'Normal' && { type }),
    })
  }
}

function levelOf(news: RescueNews): 'info' | 'warn' {
  return news.what === 'raised' || (news.what === 'struck' && isNone(news.left)) ? 'info' : 'warn'
}

function rescueMetrics(registry: Registry, { leads, tended }: Pick<RescueReportModules, 'leads' | 'tended'>) {
  const registers = [registry]
  const counter = new Counter({
    name: 'holdfast_rescues_total',
    help: 'What the guard itself has done to eviction flags of nodes in danger, by step (rescue: on).',
    labelNames: ['step'],
    registers,
  })
  for (const step of steps) counter.inc({ step }, 0)
  new Gauge({
    name: 'holdfast_rescue_leader',
    help: '1 for the replica that clears flags of nodes in danger (rescue: on).',
    registers,
    collect() {
      this.set(Number(leads()))
    },
  })
  new Gauge({
    name: 'holdfast_rescued_nodes',
    help: 'Nodes whose flags this replica has taken down, or is about to, and not raised yet (rescue: on).',
    registers,
    collect() {
      this.set(tended())
    },
  })
  return counter
}
