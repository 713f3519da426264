import type { DecisionListener, Timing, UnjudgedWrite } from '../gate/ports.ts'
import { isOnRecord, type Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import {
  type AuditRecord,
  type RecordCircumstances,
  name,
  recordOf,
  recordOfUnjudged,
} from './audit-record.ts'
import type { AuditSink } from './audit-sinks.ts'
import { recordOfRescue, type RescueDone } from './rescue-record.ts'

/** The parts of a trail. */
interface AuditTrailModules {
  readonly sinks: readonly AuditSink[]
  readonly clock: Clock
  /** The current facts, except the time. */
  readonly circumstances: () => Omit<RecordCircumstances, 'now'>
}

/** Records decisions in every sink, before their answers leave. */
export class AuditTrail implements DecisionListener {
  readonly scope = 'what-is-on-record'
  readonly #modules: AuditTrailModules
  readonly #repeats: RepeatCounter
  /** The records of denials: the gate gives a denial that is repeated within a second as the same verdict. */
  readonly #recorded = new WeakMap<Verdict, AuditRecord>()

  constructor(modules: AuditTrailModules) {
    this.#modules = modules
    this.#repeats = new RepeatCounter(modules.clock, (record) => void this.#write(record, Infinity))
  }

  decided(change: Change, verdict: Verdict, timing: Timing, withinMs: number): void | Promise<void> {
    if (!isOnRecord(verdict, timing)) return
    const now = this.#now()
    const known = timing.isRepeated && this.#recorded.get(verdict)
    if (known) return this.#take(known, repetition(known, change.request.uid, timing, now), withinMs)
    const record = recordOf(change, verdict, timing, now)
    this.#recorded.set(verdict, record)
    return this.#take(record, once(record), withinMs)
  }

  /** Records a denial by the door itself. Settles like {@link decided}. */
  denied(write: UnjudgedWrite, withinMs: number): void | Promise<void> {
    const record = recordOfUnjudged(write, this.#now())
    return this.#take(record, once(record), withinMs)
  }

  /** Records what the guard itself has done to the flags of a node. Nobody waits for it. */
  rescued(done: RescueDone): void {
    const record = recordOfRescue(done, this.#now())
    void this.#take(record, once(record), 0)
  }

  /** Reopens the open files after a SIGHUP. */
  reopen(): void {
    for (const sink of this.#modules.sinks) sink.reopen?.()
  }

  /** Resolves when every decision is written, or soon if it cannot be. */
  async stop(): Promise<void> {
    this.#repeats.stop()
    for (const sink of this.#modules.sinks) await sink.stop?.()
  }

  #now(): RecordCircumstances {
    const { circumstances, clock } = this.#modules
    return { ...circumstances(), now: clock.now() }
  }

  /** @param like a record that is equal but for times and uid: the same object for each repetition */
  #take(like: AuditRecord, decision: Decision, withinMs: number): void | Promise<void> {
    if (this.#repeats.isFirst(like, decision)) return this.#write(decision.record(), withinMs)
  }

  #write(record: AuditRecord, withinMs: number): void | Promise<void> {
    const writing = this.#modules.sinks.flatMap((sink) => sink.write(record, withinMs) ?? [])
    if (writing.length > 0) return Promise.all(writing).then(() => undefined)
  }
}

/** One decision. Of many equal ones only the first and the last are read, so the records of the others are not made. */
interface Decision {
  time(): string
  record(): AuditRecord
}

function once(record: AuditRecord): Decision {
  return { time: () => record.time, record: () => record }
}

/** A denial that was given again. Its record differs from the first in its times and the uid of the request. */
function repetition(
  first: AuditRecord,
  uid: string,
  { totalMs, heldMs }: Timing,
  { now, ageMs }: RecordCircumstances,
): Decision {
  const time = (): string => new Date(now).toISOString()
  const record = (): AuditRecord => ({
    ...first,
    time: time(),
    uid: name(uid),
    ...(Number.isFinite(ageMs) ? { diskMapAgeMs: Math.round(ageMs) } : {}),
    waitedMs: Math.round(heldMs),
    decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
  })
  return { time, record }
}

/** A controller of Longhorn retries a denied write up to 50 times a second (longhorn.md §3). */
const intervalMs = 10_000

/** The maximum of different decisions that are counted at once; more are recorded one by one. */
const most = 1_000

/** The memory for them, in UTF-16 units: for each its key, and a record about as long as its first. */
const mostRemembered = 4 * 2 ** 20

interface RepeatCount {
  /** The latest of those that were only counted. */
  last: Decision | undefined
  count: number
  since: string
  cancel: () => void
  /** The memory that it takes. */
  readonly size: number
}

/**
 * Passes on the first of many equal records, counts the others, and passes on the sum every 10 s until they
 * end. A killed process loses the count, but not the first record.
 */
class RepeatCounter {
  readonly #clock: Clock
  readonly #onRecord: (record: AuditRecord) => void
  readonly #repeats = new Map<string, RepeatCount>()
  readonly #keys = new WeakMap<AuditRecord, string>()
  #remembered = 0

  /** @param onRecord gets the sums */
  constructor(clock: Clock, onRecord: (record: AuditRecord) => void) {
    this.#clock = clock
    this.#onRecord = onRecord
  }

  /**
   * @param like its record, or an equal one that came before
   * @returns true if the decision is the first of its kind and has to be recorded now
   */
  isFirst(like: AuditRecord, decision: Decision): boolean {
    const key = this.#keys.get(like) ?? keyOf(like)
    this.#keys.set(like, key)
    const tally = this.#repeats.get(key)
    if (tally) {
      if (tally.count === 0) tally.since = decision.time()
      tally.count += 1
      tally.last = decision
      return false
    }
    const size = key.length + JSON.stringify(decision.record()).length
    if (this.#repeats.size < most && this.#remembered + size <= mostRemembered) {
      const fresh = { last: undefined, count: 0, since: decision.time(), cancel: () => undefined, size }
      this.#repeats.set(key, fresh)
      this.#remembered += size
      this.#wait(key, fresh)
    }
    return true
  }

  /** Passes on all sums now, and stops counting. */
  stop(): void {
    for (const tally of this.#repeats.values()) {
      tally.cancel()
      this.#sum(tally)
    }
    this.#repeats.clear()
    this.#remembered = 0
  }

  #wait(key: string, tally: RepeatCount): void {
    tally.cancel = this.#clock.setTimer(intervalMs, () => {
      if (this.#sum(tally)) {
        this.#wait(key, tally)
        return
      }
      this.#repeats.delete(key)
      this.#remembered -= tally.size
    })
  }

  /** @returns false if there was nothing to pass on */
  #sum(tally: RepeatCount): boolean {
    const { last, count, since } = tally
    if (!last) return false
    tally.last = undefined
    tally.count = 0
    const record = last.record()
    this.#onRecord(count === 1 ? record : { ...record, count, since })
    return true
  }
}

/** Records are equal if they differ only in parts that call for no action: times and the request's uid. */
function keyOf({
  verdict,
  why,
  actor,
  object,
  operation,
  dryRun,
  door,
  findings,
  override,
  mark,
  rescue,
}: AuditRecord): string {
  const found = findings.map(({ rule, effect, subjects }) => [rule, effect, subjects])
  return JSON.stringify([
    verdict,
    why,
    actor.user,
    object,
    operation,
    dryRun,
    door,
    found,
    override,
    mark,
    rescue?.step,
  ])
}
