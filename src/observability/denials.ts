import { LRUCache } from 'lru-cache'
import type { DecisionListener, DecisionScope, Timing } from '../gate/ports.ts'
import type { Verdict } from '../gate/verdict.ts'
import { type Change, nameOf } from '../rules/change.ts'
import { isImpatient, type Policy } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'
import type { Series } from './bounded-series.ts'
import { label, subjectLabel } from './series-labels.ts'

const minuteMs = 60_000
const keptMinutes = 60

/** The maximum of different denials that are remembered; of more, those seen longest ago are forgotten. */
const mostDenials = 1_000

interface Named {
  readonly labels: Readonly<Record<string, string>>
  readonly key: string
}

/** Denials of one kind, by the minute. */
interface DenialCount {
  readonly labels: Readonly<Record<string, string>>
  /** The earliest first; only minutes with a denial. */
  readonly minutes: { readonly minute: number; count: number }[]
}

/**
 * Counts the denials of the last hour by user, change and rule, for a table and an alert. An account that must not wait is
 * denied what others wait for: Longhorn's own repeats such a write without end. Dry runs do not count.
 */
export class Denials implements DecisionListener {
  readonly scope: DecisionScope = 'what-is-on-record'
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #policy: Pick<Policy, 'longhornNamespace' | 'impatient'>
  readonly #counts = new LRUCache<string, DenialCount>({ max: mostDenials })
  /** The labels of denials, with their key: one that is repeated within a second is the same verdict. */
  readonly #named = new WeakMap<Verdict, Named>()

  constructor(clock: Pick<Clock, 'monotonic'>, policy: Pick<Policy, 'longhornNamespace' | 'impatient'>) {
    this.#clock = clock
    this.#policy = policy
  }

  decided(change: Change, verdict: Verdict, { isRepeated }: Pick<Timing, 'isRepeated'> = {}): void {
    const { actor, dryRun } = change.request
    if (verdict.decision === 'allow' || verdict.decision === 'unavailable' || dryRun) return
    if (verdict.decision === 'hold' && !isImpatient(actor, this.#policy)) return
    const known = isRepeated ? this.#named.get(verdict) : undefined
    const named = known ?? namedBy(labelsOf(change, verdict))
    if (!known) this.#named.set(verdict, named)
    const { labels, key } = named
    const denials: DenialCount = this.#counts.get(key) ?? { labels, minutes: [] }
    const minute = this.#minute()
    const last = denials.minutes.at(-1)
    if (last?.minute === minute) last.count += 1
    else {
      denials.minutes.push({ minute, count: 1 })
      forget(denials, minute)
    }
    this.#counts.set(key, denials)
  }

  /** How often each was denied, the latest first. */
  *inTheLastHour(): Iterable<Series> {
    const minute = this.#minute()
    for (const [key, denials] of [...this.#counts.entries()]) {
      forget(denials, minute)
      if (denials.minutes.length === 0) this.#counts.delete(key)
      else
        yield {
          labels: () => denials.labels,
          value: denials.minutes.reduce((sum, { count }) => sum + count, 0),
        }
    }
  }

  #minute(): number {
    return Math.floor(this.#clock.monotonic() / minuteMs)
  }
}

function namedBy(labels: Named['labels']): Named {
  return { labels, key: JSON.stringify(labels) }
}

function forget({ minutes }: DenialCount, now: number): void {
  const kept = minutes.findIndex(({ minute }) => minute > now - keptMinutes)
  minutes.splice(0, kept === -1 ? minutes.length : kept)
}

/** The same labels as those of a change that waits. */
function labelsOf(change: Change, { objections }: Extract<Verdict, { decision: 'refuse' | 'hold' }>) {
  const { actor, door } = change.request
  // Of several objections the one that denies counts, not one that would only wait.
  const objection = objections.find(({ effect }) => effect === 'refuse') ?? objections[0]
  const { rule, doing, subjects } = objection
  const [subject = {}] = subjects
  return {
    node: label(change.kind === 'Node' ? nameOf(change) : subject.node),
    kind: change.kind,
    name: label(nameOf(change)),
    user: label(actor.username),
    door,
    change: label(doing),
    rule,
    cause: subjectLabel(subject),
  }
}
