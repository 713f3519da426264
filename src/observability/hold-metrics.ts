import { Gauge, type Registry } from 'prom-client'
import type { HeldChange } from '../gate/held-change.ts'
import type { Clock } from '../time/clock.ts'
import { label, subjectLabel } from './series-labels.ts'

/** The sources of the metrics of holds. */
interface HoldSources {
  /** The changes that wait now, the longest first. */
  readonly holds: () => readonly HeldChange[]
  readonly clock: Pick<Clock, 'monotonic'>
}

const labelNames = ['node', 'kind', 'name', 'user', 'door', 'change', 'rule', 'cause'] as const

/**
 * Registers the requests that wait, with a series for each, so at most `maxHolds`. Labels have no ages and stay the same
 * during the wait, since each new label set would be a new series.
 */
export function holdMetrics(registry: Registry, { holds, clock }: HoldSources): void {
  const registers = [registry]
  new Gauge({
    name: 'holdfast_holds_by_node',
    help: 'Changes that are held now, by node that they are about; a change about several nodes counts for each.',
    labelNames: ['node'],
    registers,
    collect() {
      this.reset()
      for (const { nodes } of holds()) for (const node of nodes) this.inc({ node })
    },
  })
  const each = (name: string, help: string, value: (held: HeldChange, now: number) => number): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        const now = clock.monotonic()
        // Of several alike the one that has waited longest, which comes first, counts.
        for (const held of holds().toReversed()) this.set(labelsOf(held), value(held, now) / 1_000)
      },
    })
  }
  each(
    'holdfast_hold_waited_seconds',
    'How long a change that is held now has waited, since its user first asked for it.',
    ({ since }, now) => Math.max(0, now - since),
  )
  each(
    'holdfast_hold_left_seconds',
    'How long a change that is held now can still wait. Its client has to retry then.',
    ({ until }, now) => Math.max(0, until - now),
  )
}

function labelsOf({
  nodes,
  object,
  request,
  doing,
  causes,
}: HeldChange): Record<(typeof labelNames)[number], string> {
  const [cause] = causes
  return {
    node: nodes[0] ?? '',
    kind: object.kind,
    name: object.name,
    user: label(request.user),
    door: request.door,
    change: label(doing),
    rule: cause?.rule ?? '',
    cause: cause ? subjectLabel(cause.subject) : '',
  }
}
