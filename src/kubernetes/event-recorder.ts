import { randomUUID } from 'node:crypto'
import type { EventSink, ObjectEvent } from '../gate/ports.ts'
import { group, version } from '../longhorn/kinds.ts'
import { type Clock, onAbort, within } from '../time/clock.ts'
import type { Connection } from './client/connection.ts'
import { ApiFailure } from './client/failures.ts'
import { jsonRequest } from './client/json-request.ts'

/** Where Events go, and their limits. */
interface EventRecorderOptions {
  readonly connection: Connection
  /** Longhorn's namespace: an Event is in the namespace of its object. */
  readonly namespace: string
  /** This replica, for people. */
  readonly replica: string
  readonly clock: Clock
  /** Called once for each lasting problem. */
  readonly onProblem: (error: unknown) => void
  readonly limits?: Partial<EventLimits>
}

/** Limits of writing. One stored object for each denial has flooded etcd elsewhere (kubernetes.md). */
export interface EventLimits {
  /** Repeats within this time count on the same Event, in milliseconds; a later one is a new Event. */
  readonly seriesMs: number
  /** Each Event is written at most once in this time, in milliseconds. */
  readonly writeMs: number
  /**
   * Limit of remembered Events. At the limit, a new one replaces the latest of the share with the most, if
   * that has at least two more than the new one's share. Otherwise it is dropped.
   */
  readonly maxSeries: number
  /** Limit of remembered Events of one share; more are dropped. */
  readonly maxSeriesOfShare: number
  /** How long stopping may take, in milliseconds. */
  readonly flushMs: number
}

const defaultEventLimits: EventLimits = {
  seriesMs: 600_000,
  writeMs: 10_000,
  maxSeries: 1_000,
  maxSeriesOfShare: 200,
  flushMs: 2_000,
}

interface Series {
  readonly event: ObjectEvent
  readonly name: string
  readonly first: number
  last: number
  message: string
  count: number
  /** The count that the API server knows. */
  written: number
  /** The earliest time of its next write, in milliseconds since the epoch: at once if it is new. */
  notBefore: number
}

/** The longest message that the API server accepts. */
const maxMessage = 1_024

/**
 * Writes Events of core/v1, since `kubectl describe` shows their count, and not that of events.k8s.io.
 * Repeats at the same object count up one Event. No caller waits for it, and the next Event retries a failed
 * one.
 */
export class EventRecorder implements EventSink {
  readonly #options: EventRecorderOptions
  readonly #limits: EventLimits
  readonly #path: string
  readonly #series = new Map<string, Series>()
  readonly #dropped = { 'too-many': 0, 'not-written': 0 }
  #cancel: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()
  #isWriting = false
  #failing = false
  #stopped = false
  /** Aborted if a write is still under way when stopping has taken its time. */
  readonly #stopping = new AbortController()

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#limits = { ...defaultEventLimits, ...options.limits }
    this.#path = `/api/v1/namespaces/${encodeURIComponent(options.namespace)}/events`
  }

  /** The number of dropped Events, by reason. */
  get dropped(): Readonly<Record<string, number>> {
    return this.#dropped
  }

  record(event: ObjectEvent): void {
    const now = this.#options.clock.now()
    const key = [event.kind, event.name, event.uid, event.reason].join('/')
    const known = this.#series.get(key)
    if (known && now - known.last < this.#limits.seriesMs) {
      const isScheduled = known.count > known.written
      known.last = now
      known.count += 1
      known.message = event.message
      if (isScheduled) return
    } else {
      if (!known && !this.#hasRoomFor(event.share, now)) {
        this.#dropped['too-many'] += 1
        return
      }
      const name = `${event.name.slice(0, 200)}.${randomUUID()}`
      const { message } = event
      this.#series.set(key, {
        event,
        name,
        first: now,
        last: now,
        message,
        count: 1,
        written: 0,
        notBefore: this.#options.clock.monotonic(),
      })
    }
    this.#schedule()
  }

  /** Resolves when no write is in progress. */
  idle(): Promise<void> {
    return this.#writing
  }

  /** Writes the remaining Events, if that takes a short time. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    const flush = AbortSignal.timeout(this.#limits.flushMs)
    const forget = onAbort(flush, () => this.#stopping.abort(flush.reason))
    await this.#writing
    forget()
    if (!flush.aborted) await this.#write(this.#unwritten(), flush)
  }

  /** A new Event is written at once, a counted one only now and then. */
  #schedule(): void {
    if (this.#stopped || this.#isWriting) return
    this.#cancel?.()
    const { clock } = this.#options
    const next = Math.min(...this.#unwritten().map(({ notBefore }) => notBefore))
    if (next === Infinity) return
    this.#cancel = clock.setTimer(Math.max(0, next - clock.monotonic()), () => {
      this.#isWriting = true
      const due = this.#unwritten().filter(({ notBefore }) => notBefore <= clock.monotonic())
      this.#writing = this.#write(due, within(this.#limits.writeMs, this.#stopping.signal)).finally(() => {
        this.#isWriting = false
        this.#schedule()
      })
    })
  }

  async #write(due: readonly Series[], signal: AbortSignal): Promise<void> {
    const problems: unknown[] = []
    for (const series of due) {
      const { count } = series
      series.notBefore = this.#options.clock.monotonic() + this.#limits.writeMs
      try {
        await (series.written === 0 ? this.#create(series, signal) : this.#countUp(series, signal))
        series.written = count
      } catch (error) {
        // The API server deletes Events, usually after an hour.
        if (error instanceof ApiFailure && error.code === 404) series.written = 0
        else problems.push(error)
      }
    }
    if (problems.length > 0 && !this.#failing) this.#options.onProblem(problems[0])
    this.#failing = problems.length > 0
  }

  #unwritten(): Series[] {
    return [...this.#series.values()].filter(({ count, written }) => count > written)
  }

  async #create(series: Series, signal: AbortSignal): Promise<void> {
    const { kind, name, uid, reason, type = 'Warning' } = series.event
    const { namespace, replica, connection } = this.#options
    const json = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: series.name, namespace },
      involvedObject: {
        apiVersion: `${group}/${version}`,
        kind,
        name,
        namespace,
        ...(uid === '' ? {} : { uid }),
      },
      type,
      reason,
      source: { component: 'holdfast', host: replica },
      reportingComponent: 'holdfast',
      reportingInstance: replica,
      firstTimestamp: wholeSeconds(series.first),
      ...counted(series),
    }
    await jsonRequest(connection, { method: 'POST', path: this.#path, json, signal })
  }

  async #countUp(series: Series, signal: AbortSignal): Promise<void> {
    await jsonRequest(this.#options.connection, {
      method: 'PATCH',
      path: `${this.#path}/${encodeURIComponent(series.name)}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      json: counted(series),
      signal,
    })
  }

  /** Makes room for one more of a share, so that a client with many requests cannot silence the others. */
  #hasRoomFor(share: string, now: number): boolean {
    const { maxSeries, maxSeriesOfShare } = this.#limits
    const isFull = (shares: ReadonlyMap<string, readonly string[]>): boolean =>
      this.#series.size >= maxSeries || (shares.get(share)?.length ?? 0) >= maxSeriesOfShare
    if (!isFull(this.#keysByShare())) return true
    this.#forgetOver(now)
    const shares = this.#keysByShare()
    if (!isFull(shares)) return true
    const own = shares.get(share)?.length ?? 0
    let most: readonly string[] = []
    for (const keys of shares.values()) if (keys.length > most.length) most = keys
    const latest = most.at(-1)
    if (latest === undefined || own >= maxSeriesOfShare || most.length < own + 2) return false
    this.#forget(latest)
    return true
  }

  /** The latest of each share comes last. */
  #keysByShare(): Map<string, string[]> {
    const shares = new Map<string, string[]>()
    for (const [key, { event }] of this.#series) {
      const keys = shares.get(event.share)
      if (keys) keys.push(key)
      else shares.set(event.share, [key])
    }
    return shares
  }

  /** Old Events are removed, written or not. */
  #forgetOver(now: number): void {
    for (const [key, { last }] of this.#series) if (now - last >= this.#limits.seriesMs) this.#forget(key)
  }

  #forget(key: string): void {
    const series = this.#series.get(key)
    if (series && series.count > series.written) this.#dropped['not-written'] += 1
    this.#series.delete(key)
  }
}

function counted({ message, count, last }: Series) {
  const cut = message.length > maxMessage ? `${message.slice(0, maxMessage - 1)}…` : message
  return { message: cut, count, lastTimestamp: wholeSeconds(last) }
}

function wholeSeconds(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}
