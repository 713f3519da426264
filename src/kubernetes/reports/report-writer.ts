import { Type } from 'typebox'
import type { ReportedResult, ReportSink } from '../../gate/report-port.ts'
import { optional, parser } from '../../json/schema.ts'
import { type Clock, onAbort, within } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, type JsonRequest, MalformedAnswer } from '../client/json-request.ts'
import {
  mergeResults,
  nextExpiry,
  type ReportLimits,
  reportSource,
  type StoredResult,
  StoredResultSchema,
  summaryOf,
} from './merge-results.ts'
import { chosenApi, type ReportApi, type ReportChoice } from './report-apis.ts'

/** Where the report goes, and its limits. */
interface ReportWriterOptions {
  readonly connection: Connection
  /** Longhorn's namespace: a report is beside the objects that it is about. */
  readonly namespace: string
  readonly choice: ReportChoice
  readonly keepMs: number
  readonly clock: Clock
  /** Called once for each lasting problem. @param dropped how many results are lost so far */
  readonly onProblem: (error: unknown, dropped: number) => void
  /** Called when a problem is over. @param lost how many results are lost since this, or {@link onLost}, was called last */
  readonly onRecovered: (lost: number) => void
  /** Called when results are lost without a problem, or at the end. @param lost as above */
  readonly onLost: (lost: number) => void
  readonly limits?: Partial<ReportWriterLimits>
}

/** Limits of the report and of writing it. */
export interface ReportWriterLimits extends Omit<ReportLimits, 'keepMs'> {
  /** The report is written at most once in this time, in milliseconds. */
  readonly writeMs: number
  /** The maximum of results that wait to be written; more are dropped. */
  readonly waiting: number
  /** How long stopping may take, in milliseconds. */
  readonly flushMs: number
}

const defaultLimits: ReportWriterLimits = {
  results: 200,
  bytes: 256 * 2 ** 10,
  seriesMs: 600_000,
  writeMs: 10_000,
  waiting: 200,
  flushMs: 2_000,
}

/** Timers of Node cannot be longer than 24 days, in milliseconds. */
const longestTimerMs = 24 * 24 * 3_600_000

/** The name of the one report of a cluster. */
const reportName = 'holdfast'

/** Several replicas write the same report, and the one that is late reads it anew. */
const tries = 5

const parseReport = parser(
  Type.Object({
    metadata: Type.Object({ resourceVersion: Type.String({ minLength: 1 }) }),
    results: optional(Type.Array(StoredResultSchema)),
  }),
  ({ metadata, results }): SeenReport => ({ version: metadata.resourceVersion, results: results ?? [] }),
)

interface SeenReport {
  readonly version: string
  readonly results: readonly StoredResult[]
}

/**
 * Keeps one report for all replicas. Each adds its decisions to the stored results, on the version that it has
 * read. No caller waits for it.
 */
export class ReportWriter implements ReportSink {
  readonly #options: ReportWriterOptions
  readonly #limits: ReportWriterLimits
  /** The results that wait, by their keys. */
  readonly #waiting = new Map<string, ReportedResult>()
  #api: ReportApi | undefined
  #seen: SeenReport | undefined
  readonly #dropped = { 'too-many': 0, rejected: 0, 'not-written': 0 }
  /** How many lost results are reported. */
  #reportedLost = 0
  #notBefore = 0
  #cancel: (() => void) | undefined
  #writing: Promise<void> | undefined
  #failing = false
  #stopped = false
  /** True if the last update has to be tried again, even if no result waits: old results may be due. */
  #again = false
  /** Aborted if a write is still under way when stopping has taken its time. */
  readonly #stopping = new AbortController()

  constructor(options: ReportWriterOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#notBefore = options.clock.monotonic()
  }

  /** The number of lost results, by reason. */
  get dropped(): Readonly<Record<'too-many' | 'rejected' | 'not-written', number>> {
    return this.#dropped
  }

  /** Looks at the report once, so that a missing right shows and old results go. */
  start(): void {
    this.#schedule(0)
  }

  record(result: ReportedResult): void {
    const earlier = this.#waiting.get(result.key)
    if (!earlier && this.#waiting.size >= this.#limits.waiting) {
      this.#dropped['too-many'] += 1
      return
    }
    this.#waiting.set(result.key, { ...result, count: result.count + (earlier?.count ?? 0) })
    this.#schedule(0)
  }

  /** Resolves when no write is in progress. */
  async idle(): Promise<void> {
    await this.#writing
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    const flush = AbortSignal.timeout(this.#limits.flushMs)
    const forget = onAbort(flush, () => this.#stopping.abort(flush.reason))
    await this.#writing
    forget()
    if (this.#waiting.size > 0 && !flush.aborted) await this.#update(flush)
    this.#dropped['not-written'] += this.#waiting.size
    this.#waiting.clear()
    this.#reportLost()
  }

  /** @param afterMs how long it has time */
  #schedule(afterMs: number): void {
    if (this.#stopped || this.#writing) return
    this.#cancel?.()
    const { clock } = this.#options
    const wait = Math.max(afterMs, this.#notBefore - clock.monotonic(), 0)
    this.#cancel = clock.setTimer(wait, () => {
      this.#writing = this.#update(within(this.#limits.writeMs, this.#stopping.signal)).finally(() => {
        this.#writing = undefined
        this.#scheduleNext()
      })
    })
  }

  #scheduleNext(): void {
    if (this.#waiting.size > 0 || this.#again) {
      this.#schedule(0)
      return
    }
    const expiry = nextExpiry(this.#seen?.results ?? [], this.#options.keepMs)
    if (expiry !== undefined) this.#schedule(Math.min(longestTimerMs, expiry - this.#options.clock.now()))
  }

  async #update(signal: AbortSignal): Promise<void> {
    const { clock, onProblem } = this.#options
    this.#notBefore = clock.monotonic() + this.#limits.writeMs
    const taken = [...this.#waiting.values()]
    this.#waiting.clear()
    try {
      await this.#write(taken, signal)
      if (this.#failing) this.#options.onRecovered(this.#newlyLost())
      else this.#reportLost()
      this.#failing = false
      this.#again = false
    } catch (error) {
      if (isRejected(error)) this.#dropped.rejected += taken.length
      else this.#putBack(taken)
      this.#again = !isRejected(error)
      // The kind may be served by another API tomorrow, and somebody may have deleted the report.
      this.#api = undefined
      this.#seen = undefined
      if (!this.#failing) onProblem(error, this.#lost())
      this.#failing = true
    }
  }

  #putBack(taken: readonly ReportedResult[]): void {
    for (const result of taken) {
      const later = this.#waiting.get(result.key)
      if (later) this.#waiting.set(result.key, { ...later, count: later.count + result.count })
      else if (this.#waiting.size < this.#limits.waiting) this.#waiting.set(result.key, result)
      else this.#dropped['too-many'] += 1
    }
  }

  #lost(): number {
    return Object.values(this.#dropped).reduce((sum, count) => sum + count)
  }

  /** @returns how many results are lost since it was asked last */
  #newlyLost(): number {
    const lost = this.#lost() - this.#reportedLost
    this.#reportedLost += lost
    return lost
  }

  #reportLost(): void {
    const lost = this.#newlyLost()
    if (lost > 0) this.#options.onLost(lost)
  }

  async #write(added: readonly ReportedResult[], signal: AbortSignal): Promise<void> {
    const { connection, choice, namespace, keepMs, clock } = this.#options
    this.#api ??= await chosenApi(connection, choice, signal)
    for (let left = tries; ; left -= 1) {
      this.#seen ??= await this.#read(this.#api, signal)
      const before = this.#seen?.results ?? []
      const limits = { ...this.#limits, keepMs }
      const results = mergeResults(before, added, { namespace, now: clock.now(), limits })
      if (added.length === 0 && results.length === before.length) return
      try {
        this.#seen = await this.#send(this.#api, this.#seen, results, signal)
        return
      } catch (error) {
        this.#seen = undefined
        const isLate = error instanceof ApiFailure && (error.code === 409 || error.code === 404)
        if (!isLate || left <= 1) throw error
      }
    }
  }

  /** @returns undefined if there is no report */
  async #read(api: ReportApi, signal: AbortSignal): Promise<SeenReport | undefined> {
    try {
      return await this.#ask({ method: 'GET', path: `${this.#path(api)}/${reportName}`, signal })
    } catch (error) {
      // Without the kind the answer to a write says so.
      if (error instanceof ApiFailure && error.code === 404) return undefined
      throw error
    }
  }

  #send(
    api: ReportApi,
    seen: SeenReport | undefined,
    results: readonly StoredResult[],
    signal: AbortSignal,
  ): Promise<SeenReport> {
    const content = { results, summary: summaryOf(results), ...(api.hasSource && { source: reportSource }) }
    const { apiVersion, kind } = api
    const labels = { 'app.kubernetes.io/managed-by': 'holdfast' }
    if (seen === undefined) {
      const metadata = { name: reportName, namespace: this.#options.namespace, labels }
      const json = { apiVersion, kind, metadata, ...content }
      return this.#ask({ method: 'POST', path: this.#path(api), json, signal })
    }
    return this.#ask({
      method: 'PATCH',
      path: `${this.#path(api)}/${reportName}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { metadata: { resourceVersion: seen.version, labels }, ...content },
      signal,
    })
  }

  async #ask(request: JsonRequest): Promise<SeenReport> {
    const report = parseReport(await jsonRequest(this.#options.connection, request))
    if (!report.ok) throw new MalformedAnswer(`Report ${reportName} cannot be read: ${report.problem}.`)
    return report.value
  }

  #path({ apiVersion, plural }: ReportApi): string {
    return `/apis/${apiVersion}/namespaces/${encodeURIComponent(this.#options.namespace)}/${plural}`
  }
}

/** The API server will never take these results, and they must not stand in the way of others. */
function isRejected(error: unknown): boolean {
  return error instanceof ApiFailure && [400, 413, 422].includes(error.code)
}
