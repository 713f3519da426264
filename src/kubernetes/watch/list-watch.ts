import { type Clock, onAbort, pause, type Random, systemClock } from '../../time/clock.ts'
import { ApiFailure } from '../client/failures.ts'
import { BackOff } from './back-off.ts'
import { ObjectCache } from './cache.ts'
import { listPages } from './list-pages.ts'
import {
  restartPolicies,
  defaultListWatchLimits,
  type ListWatchCounters,
  type ListWatchLimits,
  type ListWatchOptions,
  type ListWatchProblem,
  type ListWatchState,
  noRestarts,
  type RestartReason,
} from './list-watch-state.ts'
import { restartReason } from './restarts.ts'
import { watchStream } from './watch-stream.ts'

/**
 * Keeps a copy of one resource current: it lists, watches from there, and starts again after any failure. The
 * constructor starts it. It never gives up until it is stopped.
 */
export class ListWatch<T extends object> {
  readonly #options: ListWatchOptions<T>
  readonly #limits: ListWatchLimits
  readonly #clock: Clock
  readonly #random: Random
  readonly #backOff: BackOff
  readonly #mirror = new ObjectCache<T>()
  readonly #counters = { lists: 0, watches: 0, events: 0, handlerErrors: 0, restarts: noRestarts() }
  readonly #stopping = new AbortController()
  readonly #over: Promise<void>
  #state: ListWatchState
  #next: 'list' | 'watch' = 'list'
  #resourceVersion: string | undefined
  #provenAt: number | undefined
  #listedAt: number | undefined
  #restartsAtOnce = 0
  /** Ends the current wait, if that is allowed. */
  #wake = new AbortController()
  #problem: ListWatchProblem | undefined
  /** Why it lists again. */
  #listReason: RestartReason | undefined
  #isOut = false

  constructor(options: ListWatchOptions<T>) {
    this.#options = options
    this.#limits = { ...defaultListWatchLimits, ...options.limits }
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#backOff = new BackOff(this.#limits.backOff, this.#clock, this.#random)
    this.#state = { phase: 'listing', since: this.#clock.monotonic(), objects: 0 }
    this.#over = this.#run()
  }

  /** The current state. */
  get state(): ListWatchState {
    return this.#state
  }

  /** True once a first list was complete. It stays true; `ageMs` is the age of the copy. */
  get synced(): boolean {
    return this.#counters.lists > 0
  }

  /** The version up to which the copy has every change. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion
  }

  /**
   * When the last list was complete, by the clock's monotonic time. Objects that came and went between two
   * lists are not known.
   */
  get listedAt(): number | undefined {
    return this.#listedAt
  }

  get counters(): ListWatchCounters {
    return this.#counters
  }

  /** The current problem; undefined as soon as a watch is open. */
  get problem(): ListWatchProblem | undefined {
    return this.#problem
  }

  /**
   * Milliseconds since the copy was last proven to be current; Infinity before the first list. A byte on a
   * live watch proves it. A complete list proves it for the moment of its request. An open watch alone does
   * not, so a list replaces a quiet one in time.
   */
  ageMs(): number {
    return this.#provenAt === undefined ? Infinity : Math.max(0, this.#clock.monotonic() - this.#provenAt)
  }

  /**
   * Ends a wait, since another list-watch just got an answer. It does not end a wait that the server itself
   * asked for.
   */
  retryNow(): void {
    this.#wake.abort()
  }

  /** Resolves when all work has ended: no request, no timer, and no more calls of listeners. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the list-watch was stopped'))
    await this.#over
  }

  async #run(): Promise<void> {
    const stop = () => this.#stopping.abort(new Error('the list-watch was stopped'))
    const { signal } = this.#options
    const forget = signal && onAbort(signal, stop)
    if (signal?.aborted) stop()
    const stopped = () => this.#stopping.signal.aborted
    while (!stopped()) {
      const began = this.#clock.monotonic()
      try {
        if (this.#next === 'list') await this.#list()
        else await this.#watch()
      } catch (error) {
        if (!stopped()) await this.#restart(error, this.#clock.monotonic() - began)
      }
    }
    forget?.()
    this.#state = { phase: 'stopped', since: this.#clock.monotonic() }
  }

  async #list(): Promise<void> {
    const { connection, path, only, project, pace, onSynced } = this.#options
    const { signal } = this.#stopping
    const since = this.#clock.monotonic()
    this.#state = { phase: 'listing', since, objects: 0 }
    const replacement = this.#mirror.replacement()
    let resourceVersion: string | undefined
    for await (const page of listPages(connection, path, { ...this.#limits, only, pace, signal })) {
      signal.throwIfAborted()
      // If later pages are newer, the watch repeats what they already show, which is harmless. The reverse
      // would lose events.
      resourceVersion ??= page.resourceVersion
      for (const object of page.objects) {
        const over = pace?.turnOver()
        if (over) await this.#untilTurn(over)
        replacement.put(object.metadata.name, project(object))
      }
      this.#state = { phase: 'listing', since, objects: replacement.size }
    }
    const changes = replacement.swap()
    const isPaced = pace !== undefined && !this.synced
    if (isPaced) {
      for (const change of changes) {
        const over = pace.turnOver()
        if (over) await this.#untilTurn(over)
        this.#notify(() => this.#options.onChange(change, 'list'))
      }
    }
    const quiet = this.#listReason === undefined || isQuiet(this.#listReason)
    if (this.synced && (!quiet || changes.length > 0)) this.#outage()
    this.#resourceVersion = resourceVersion
    this.#provenAt = since
    this.#listedAt = this.#clock.monotonic()
    this.#counters.lists += 1
    this.#backOff.succeeded()
    this.#next = 'watch'
    if (!isPaced) for (const change of changes) this.#notify(() => this.#options.onChange(change, 'list'))
    if (this.#counters.lists === 1 && onSynced) this.#notify(onSynced)
  }

  /** @throws the reason if it is stopped meanwhile */
  async #untilTurn(turn: Promise<void>): Promise<void> {
    await turn
    this.#stopping.signal.throwIfAborted()
  }

  async #watch(): Promise<never> {
    const { minWatchSeconds, maxWatchSeconds } = this.#limits
    const since = this.#clock.monotonic()
    this.#state = { phase: 'watching', since, connected: false }
    const request = {
      ...this.#limits,
      path: this.#options.path,
      only: this.#options.only,
      resourceVersion: this.#resourceVersion ?? '',
      idleTimeoutMs: this.#limits.idleTimeoutMs - this.ageMs(),
      timeoutSeconds: minWatchSeconds + Math.floor(this.#random() * (maxWatchSeconds - minWatchSeconds + 1)),
      signal: this.#stopping.signal,
    }
    return await watchStream(this.#options.connection, request, {
      opened: () => {
        this.#state = { phase: 'watching', since, connected: true }
        this.#counters.watches += 1
        this.#backOff.succeeded()
        const recovered = this.#problem !== undefined && this.#options.onRecovered
        this.#problem = undefined
        if (recovered) this.#notify(recovered)
        if (this.#isOut) this.#notify(() => this.#options.onOutageOver?.())
        this.#isOut = false
      },
      happened: (event) => {
        this.#resourceVersion = event.resourceVersion
        if (event.type === 'bookmark') return
        this.#counters.events += 1
        const change =
          event.type === 'deleted'
            ? this.#mirror.delete(event.name)
            : this.#mirror.put(event.object.metadata.name, this.#options.project(event.object))
        if (change) this.#notify(() => this.#options.onChange(change, 'watch'))
      },
      current: () => {
        this.#provenAt = this.#clock.monotonic()
      },
    })
  }

  /** Decides how to go on after an end, and waits if necessary. */
  async #restart(error: unknown, lastedMs: number): Promise<void> {
    const reason = restartReason(error)
    const course = restartPolicies[reason]
    this.#counters.restarts[reason] += 1
    if (this.#next === 'watch' && lastedMs >= this.#limits.briefWatchMs) this.#restartsAtOnce = 0
    // However often watches end, only a list proves an old copy.
    if (course.next === 'list' || this.ageMs() >= this.#limits.idleTimeoutMs) this.#next = 'list'

    const atOnce = course.when === 'at-once' && this.#restartsAtOnce < this.#limits.restartsAtOnce
    if (atOnce) this.#restartsAtOnce += 1
    const asked = retryAfterSeconds(error)
    const waitMs = atOnce ? 0 : this.#backOff.failed(asked)
    // An ended or quiet watch, and a forgotten version, do not mean that the server is ill.
    const normal = atOnce && (reason === 'closed' || reason === 'silent' || reason === 'expired')
    if (!normal) this.#report({ reason, error: asError(error), retryInMs: waitMs })
    this.#listReason = reason
    if (!normal && (this.synced || isOutage(reason))) this.#outage()
    if (atOnce) return

    const since = this.#clock.monotonic()
    this.#state = { phase: 'backing-off', since, until: since + waitMs, reason }
    const { signal } = this.#stopping
    this.#wake = new AbortController()
    const ends = asked === undefined ? AbortSignal.any([signal, this.#wake.signal]) : signal
    await pause(this.#clock, waitMs, ends)
  }

  #outage(): void {
    if (this.#isOut) return
    this.#isOut = true
    const began = this.#provenAt ?? this.#clock.monotonic()
    this.#notify(() => this.#options.onOutage?.(began))
  }

  #report(problem: ListWatchProblem): void {
    const { reason, error } = problem
    const known = this.#problem?.reason === reason && this.#problem.error.message === error.message
    this.#problem = problem
    if (!known) this.#notify(() => this.#options.onProblem?.(problem))
  }

  /** An error of a listener must not end the list-watch. */
  #notify(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#counters.handlerErrors += 1
      this.#reportMistake(asError(error))
    }
  }

  #reportMistake(error: Error): void {
    try {
      this.#options.onProblem?.({ reason: 'handler', error, retryInMs: 0 })
    } catch {
      // onProblem itself threw; only the counter can record it.
      this.#counters.handlerErrors += 1
    }
  }
}

/** True if an unchanged list after this reason means that the server was healthy. */
function isQuiet(reason: RestartReason): boolean {
  return reason === 'silent' || reason === 'closed'
}

/** True if it concerns all clients, not only the rights of this one. */
function isOutage(reason: RestartReason): boolean {
  return reason !== 'refused' && reason !== 'missing' && reason !== 'credentials'
}

function retryAfterSeconds(error: unknown): number | undefined {
  return error instanceof ApiFailure ? error.retryAfterSeconds : undefined
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
