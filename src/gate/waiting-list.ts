import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { nameOf } from '../rules/change.ts'
import { doing } from '../rules/doing.ts'
import { fitWarning } from '../rules/layout.ts'
import { lasting } from '../rules/sentences.ts'
import type { Clock } from '../time/clock.ts'
import { describe, type HeldChange } from './held-change.ts'
import type { HoldEnd, HoldListener } from './ports.ts'
import { type Asked, judgeAsked, type Objection, type Verdict } from './verdict.ts'

/** The parts that the list needs. */
interface WaitingListModules {
  readonly map: DiskMapView
  readonly clock: Clock
  readonly listeners: readonly HoldListener[]
  /** Called if a listener fails, which does not fail the hold. */
  readonly onProblem: (error: unknown) => void
}

/** The limits of the list. */
interface WaitingListOptions {
  readonly maxHolds: number
  /** How long clients wait before they ask again, in seconds. */
  readonly retryAfterSeconds: number
}

/** One change while it is decided: on the list from its first hold on. */
export interface Waiting {
  /** It waits for these from now on. @param until when it is answered at the latest, by the monotonic clock */
  readonly waits: (objections: readonly Objection[], until: number) => void
  /**
   * It is decided, or deciding failed; the first call counts.
   *
   * @param isGone true if the client has gone
   * @returns how it has waited; undefined if it has not
   */
  readonly over: (verdict: Verdict | undefined, isGone: boolean) => Waited | undefined
}

/** The wait of a decided change. */
export interface Waited {
  /** Since the user first asked for it, in milliseconds. */
  readonly ms: number
  readonly cause: Objection
}

/** A shorter wait needs no explanation, in milliseconds. */
const worthTellingMs = 1_000

/**
 * A warning that explains a long wait. client-go shows the warnings of the last answer only, so none of a denial that
 * it retries (kubernetes.md, The answer).
 */
export function aboutWait({ ms, cause }: Waited): readonly string[] {
  if (ms < worthTellingMs) return []
  const { doing, found, rule } = cause
  return [fitWarning(`${doing} waited ${lasting(ms)} for this: ${found} (rule ${rule})`)]
}

/** A hold that is under way. */
interface Hold extends Omit<Parameters<typeof describe>[1], 'objections' | 'until'> {
  readonly asked: Asked
  /** The first cause of the whole wait, that of the requests before it included. */
  readonly first: Objection | undefined
  readonly key: string
  objections: readonly Objection[]
  until: number
}

/** A request that got a 429: since when it waits and for what, and when it got the 429. */
interface Retry extends Pick<Hold, 'since' | 'first'> {
  readonly answeredAt: number
}

/** A listed change with more objections is not judged again for current ages, since each objection costs time. */
const judgedAgain = 10

/** A retry that comes later than this after its Retry-After begins a new wait, in milliseconds. */
const wayBackMs = 10_000

/** A client that has to retry comes back within so many milliseconds, or it is another request. */
export function comesBackMs({ retryAfterSeconds }: Pick<WaitingListOptions, 'retryAfterSeconds'>): number {
  return retryAfterSeconds * 1_000 + wayBackMs
}

/** Lists each change that waits, with its user and its causes. It decides nothing. */
export class WaitingList {
  readonly #options: WaitingListOptions
  readonly #modules: WaitingListModules
  readonly #holds = new Set<Hold>()
  /** Requests that got a 429 lately. */
  readonly #retrying = new Map<string, Retry>()
  #count = 0

  constructor(options: WaitingListOptions, modules: WaitingListModules) {
    this.#options = options
    this.#modules = modules
  }

  /** The changes that wait now, the longest first; at most `maxHolds`. */
  list(): readonly HeldChange[] {
    return [...this.#holds]
      .slice(0, this.#options.maxHolds)
      .map((hold) => this.#described(hold))
      .toSorted((one, other) => one.since - other.since)
  }

  /**
   * Ends the wait of a retry that is decided at once, and so has no hold.
   *
   * @returns how it has waited; undefined if it is no such retry
   */
  decided(asked: Asked, verdict: Verdict): Waited | undefined {
    if (this.#retrying.size === 0 || verdict.decision === 'hold' || asked.change.request.dryRun) return
    if (!this.#retrying.has(this.#keyOf(asked).key)) return
    return this.#end(this.#begin(asked, [], this.#modules.clock.monotonic()), endOf(verdict, false))
  }

  /** Follows a change that may come to wait. */
  follow(asked: Asked): Waiting {
    let hold: Hold | undefined
    return {
      waits: (objections, until) => {
        if (hold) Object.assign(hold, { objections, until })
        else hold = this.#begin(asked, objections, until)
      },
      over: (verdict, isGone) => {
        const ended = hold
        hold = undefined
        return ended && this.#end(ended, endOf(verdict, isGone))
      },
    }
  }

  #begin(asked: Asked, objections: readonly Objection[], until: number): Hold {
    const now = this.#modules.clock.monotonic()
    const { key, what } = this.#keyOf(asked)
    const before = this.#takeRetry(key, now)
    this.#count += 1
    const hold: Hold = {
      id: this.#count,
      doing: what,
      since: before?.since ?? now,
      isRetry: before !== undefined,
      asked,
      first: before?.first ?? objections[0],
      key,
      objections,
      until,
    }
    this.#holds.add(hold)
    this.#notify(hold, (listener, held) => listener.began(held))
    return hold
  }

  #keyOf({ change, acts }: Asked): { readonly key: string; readonly what: string } {
    const what = doing(acts, this.#modules.map)
    return { what, key: JSON.stringify([change.kind, nameOf(change), change.request.actor.username, what]) }
  }

  #end(hold: Hold, how: HoldEnd): Waited | undefined {
    this.#holds.delete(hold)
    const now = this.#modules.clock.monotonic()
    if (how === 'told to retry') this.#keepRetry(hold, now)
    this.#notify(hold, (listener, held) => listener.ended(held, how))
    return hold.first && { ms: now - hold.since, cause: hold.first }
  }

  /** A listener decides nothing, whatever it does. */
  #notify(hold: Hold, call: (listener: HoldListener, held: HeldChange) => void): void {
    // Judged once for all of them.
    let held: HeldChange | undefined
    for (const listener of this.#modules.listeners) {
      try {
        call(listener, (held ??= this.#described(hold)))
      } catch (error) {
        this.#modules.onProblem(error)
      }
    }
  }

  #described(hold: Hold): HeldChange {
    const { asked, id, doing, since, isRetry, until } = hold
    const { map } = this.#modules
    const objections = this.#objectionsNow(hold)
    return describe(asked.change, { id, doing, since, isRetry, until, objections }, map)
  }

  /** The objections with current ages. Those from fresher data than the disk map's, or from a Lease, stay as they were. */
  #objectionsNow({ asked, objections }: Hold): readonly Objection[] {
    if (objections.length > judgedAgain) return objections
    const { map, clock } = this.#modules
    const verdict = judgeAsked(asked, { map, policy: asked.policy, clock })
    return verdict.decision === 'hold' ? verdict.objections : objections
  }

  /** @returns the wait of the request that comes back; undefined for a new one */
  #takeRetry(key: string, now: number): Retry | undefined {
    const found = this.#retrying.get(key)
    this.#retrying.delete(key)
    return found && now - found.answeredAt <= comesBackMs(this.#options) ? found : undefined
  }

  #keepRetry({ key, since, first }: Hold, answeredAt: number): void {
    this.#retrying.delete(key)
    this.#retrying.set(key, { since, first, answeredAt })
    const [oldest = key] = this.#retrying.keys()
    if (this.#retrying.size > this.#options.maxHolds) this.#retrying.delete(oldest)
  }
}

function endOf(verdict: Verdict | undefined, isGone: boolean): HoldEnd {
  switch (verdict?.decision) {
    case 'allow':
      return 'admitted'
    case 'refuse':
      return 'denied'
    case 'hold':
      return isGone ? 'left' : 'told to retry'
    case 'unavailable':
    case undefined:
      return isGone ? 'left' : 'not judged'
  }
}
