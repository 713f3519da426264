import { Type } from 'typebox'
import { parser } from '../../json/schema.ts'
import { type AuditRecord, AuditRecordSchema, parseRecord } from '../../observability/audit-record.ts'
import { type State, StateChangeSchema, StateSchema, type WaitingView } from '../../page/state-schema.ts'
import { type Trend, TrendSchema } from '../../page/trend.ts'
import type { Clock } from '../../time/clock.ts'
import { eventsIn } from './event-lines.ts'

const parseState = parser(StateSchema, (state) => state)
const parseChange = parser(StateChangeSchema, (change) => change)
const parseTrend = parser(TrendSchema, (trend) => trend)
const parseRecords = parser(Type.Array(AuditRecordSchema), (records) => records)

/** A replica sends a pulse every two seconds. After so long without one it counts as gone, in milliseconds. */
const silentMs = 10_000

/** Hears the news of a replica. */
interface ReplicaListener {
  /** Called after each change. */
  readonly changed: () => void
  /** Called with each record. Earlier records come again with each connection. */
  readonly record: (record: AuditRecord) => void
}

/** The state of one replica of the guard, as long as its stream lasts. */
export class FollowedReplica {
  guard: State['guard'] | undefined
  /** By this process's own clock. */
  waiting: readonly WaitingView[] = []
  trend: Trend | undefined
  readonly #listener: ReplicaListener
  readonly #clock: Clock
  /** Its clock, minus ours. It stays while it fits, so that a moment does not jitter. */
  #ahead: number | undefined

  constructor(listener: ReplicaListener, clock: Clock) {
    this.#listener = listener
    this.#clock = clock
  }

  /**
   * Follows it until the stream ends.
   *
   * @throws Error that says why it ended, or the signal's reason
   */
  async follow(url: string, signal: AbortSignal): Promise<void> {
    const silence = new AbortController()
    let cancel = (): void => undefined
    const startSilence = (): void => {
      cancel()
      const late = new Error(`it said nothing for ${silentMs / 1_000} s`)
      cancel = this.#clock.setTimer(silentMs, () => silence.abort(late))
    }
    startSilence()
    try {
      const response = await fetch(new URL('/api/v1/events?nodes=false', url), {
        signal: AbortSignal.any([signal, silence.signal]),
        redirect: 'manual',
      })
      if (!response.ok || !response.body) {
        await response.body?.cancel()
        throw new Error(`it answered ${response.status}, so it may be of an older version`)
      }
      for await (const { name, data } of eventsIn(response.body)) {
        startSilence()
        this.#take(name, JSON.parse(data))
      }
      throw new Error('its stream ended')
    } finally {
      cancel()
    }
  }

  #take(name: string, data: unknown): void {
    switch (name) {
      case 'state':
      case 'change':
        this.#takeState(name === 'state' ? parseState(data) : parseChange(data))
        break
      case 'trend': {
        const trend = parseTrend(data)
        if (trend.ok) this.trend = trend.value
        this.#listener.changed()
        break
      }
      case 'record':
      case 'records': {
        const one = name === 'record' ? parseRecord(data) : undefined
        const several = name === 'records' ? parseRecords(data) : undefined
        if (one?.ok) this.#listener.record(one.value)
        if (several?.ok) for (const record of several.value) this.#listener.record(record)
      }
    }
  }

  #takeState(parsed: ReturnType<typeof parseState> | ReturnType<typeof parseChange>): void {
    if (!parsed.ok) throw new Error(`its answer is no state: ${parsed.problem}`)
    const { now, guard, waiting } = parsed.value
    const ahead = this.#aheadAt(now)
    if (guard) this.guard = guard
    if (waiting) this.waiting = waiting.map((each) => moved(each, ahead))
    this.#listener.changed()
  }

  /** The clock of a machine stands still while the machine is suspended. @param now by its clock */
  #aheadAt(now: number): number {
    const ahead = now - this.#clock.monotonic()
    if (this.#ahead === undefined || Math.abs(ahead - this.#ahead) > lateMs) this.#ahead = ahead
    return this.#ahead
  }
}

/** An answer is rarely late by more, in milliseconds. */
const lateMs = 3_000

/** The clocks of two processes are not to be compared. */
function moved({ since, until, causes, ...rest }: WaitingView, ahead: number): WaitingView {
  const own = (moment: number | null): number | null => (moment === null ? null : moment - ahead)
  return {
    ...rest,
    since: since - ahead,
    until: until - ahead,
    causes: causes.map((cause) => ({ ...cause, since: own(cause.since), until: own(cause.until) })),
  }
}
