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
    const known = timing.isRepeated && this.#recorded.get(verdict)
    const record = known
      ? recordOfRepeated(known, change, timing, this.#now())
      : recordOf(change, verdict, timing, this.#now())
    if (!known) this.#recorded.set(verdict, record)
    return this.#take(record, withinMs, known ?? record)
  }

  /** Records a denial by the door itself. Settles like {@link decided}. */
  denied(write: UnjudgedWrite, withinMs: number): void | Promise<void> {
    return this.#take(recordOfUnjudged(write, this.#now()), withinMs)
  }

  /** Records what the guard itself has done to the flags of a node. Nobody waits for it. */
  rescued(done: RescueDone): void {
    void this.#take(recordOfRescue(done, this.#now()), 0)
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
  #take(record: AuditRecord, withinMs: number, like = record): void | Promise<void> {
    if (this.#repeats.isFirst(record, like)) return this.#write(record, withinMs)
  }

  #write(record: AuditRecord, withinMs: number): void | Promise<void> {
    const writing = this.#modules.sinks.flatMap((sink) => sink.write(record, withinMs) ?? [])
    if (writing.length > 0) return Promise.all(writing).then(() => undefined)
  }
}

/** The record of a denial that was given again: it differs from the first in its times and the uid of the request. */
function recordOfRepeated(
  first: AuditRecord,
  { request: { uid } }: Change,
  { totalMs, heldMs }: Timing,
  { now, ageMs }: RecordCircumstances,
): AuditRecord {
  return {
    ...first,
    time: new Date(now).toISOString(),
    uid: name(uid),
    ...(Number.isFinite(ageMs) ? { diskMapAgeMs: Math.round(ageMs) } : {}),
    waitedMs: Math.round(heldMs),
    decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
  }
}

/** A controller of Longhorn retries a denied write up to 50 times a second (longhorn.md §3). */
const intervalMs = 10_000

/** The maximum of different decisions that are counted at once; more are recorded one by one. */
const most = 1_000

/** The memory for them, in UTF-16 units: for each its key, and a record about as long as its first. */
const mostRemembered = 4 * 2 ** 20

interface RepeatCount {
  /** The latest of those that were only counted. */
  last: AuditRecord | undefined
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
   * @param like the same, or an equal one that came before
   * @returns true if the record is the first of its kind and has to be recorded now
   */
  isFirst(record: AuditRecord, like: AuditRecord): boolean {
    const key = this.#keys.get(like) ?? keyOf(like)
    this.#keys.set(like, key)
    const tally = this.#repeats.get(key)
    if (tally) {
      if (tally.count === 0) tally.since = record.time
      tally.count += 1
      tally.last = record
      return false
    }
    const size = key.length + JSON.stringify(record).length
    if (this.#repeats.size < most && this.#remembered + size <= mostRemembered) {
      const fresh = { last: undefined, count: 0, since: record.time, cancel: () => undefined, size }
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
    this.#onRecord(count === 1 ? last : { ...last, count, since })
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
