import type { DecisionListener, Timing, UnjudgedWrite } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import { isOnRecord, type Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'
import type { AuditRecord } from './record.ts'
import { recordOf, recordOfUnjudged, type Circumstances } from './record-of.ts'
import type { AuditSink } from './sink.ts'
import { Tallies } from './tallies.ts'

/** What a trail works with. */
export interface AuditTrailModules {
  readonly sinks: readonly AuditSink[]
  readonly clock: Clock
  /** Everything that is known at the moment, but the time. */
  readonly circumstances: () => Omit<Circumstances, 'now'>
}

/** Puts decisions on record in every sink, before their answers leave. */
export class AuditTrail implements DecisionListener {
  readonly hears = 'what-is-on-record'
  readonly #modules: AuditTrailModules
  readonly #tallies: Tallies

  constructor(modules: AuditTrailModules) {
    this.#modules = modules
    this.#tallies = new Tallies(modules.clock, (record) => void this.#write(record, Infinity))
  }

  decided(change: Change, verdict: Verdict, timing: Timing, patienceMs: number): void | Promise<void> {
    if (!isOnRecord(verdict, timing)) return
    return this.#take(recordOf(change, verdict, timing, this.#now()), patienceMs)
  }

  /** Puts on record what a door denied by itself. Settles as {@link decided} does. */
  denied(write: UnjudgedWrite, patienceMs: number): void | Promise<void> {
    return this.#take(recordOfUnjudged(write, this.#now()), patienceMs)
  }

  /** Begins anew with the files that are open: SIGHUP was sent. */
  reopen(): void {
    for (const sink of this.#modules.sinks) sink.reopen?.()
  }

  /** Resolves when everything that was decided is written, or soon if it cannot be written. */
  async stop(): Promise<void> {
    this.#tallies.stop()
    for (const sink of this.#modules.sinks) await sink.stop?.()
  }

  #now(): Circumstances {
    const { circumstances, clock } = this.#modules
    return { ...circumstances(), now: clock.now() }
  }

  #take(record: AuditRecord, patienceMs: number): void | Promise<void> {
    if (this.#tallies.isFirst(record)) return this.#write(record, patienceMs)
  }

  #write(record: AuditRecord, patienceMs: number): void | Promise<void> {
    const writing = this.#modules.sinks.flatMap((sink) => sink.write(record, patienceMs) ?? [])
    if (writing.length > 0) return Promise.all(writing).then(() => undefined)
  }
}
