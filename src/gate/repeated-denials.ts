import { isDeepStrictEqual } from 'node:util'
import type { Change } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import type { ChangeBus } from './change-bus.ts'
import type { Verdict } from './verdict.ts'

/** A verdict that was given on the disk map alone, and denies. */
type Denial = Extract<Verdict, { decision: 'hold' | 'refuse' }>

/** How long a denial is given again, in milliseconds: its message has ages in seconds, which may be one second late. */
const rememberedMs = 1_000

/** How many are remembered: a cluster has fewer controllers that repeat a write at the same time. */
const most = 32

/** Larger objects are judged anew, so that the memory stays small: entries of the maps of both versions. */
const mostEntries = 200

interface Remembered {
  /** The latest that was the same: one that is read only once is compared in no time. */
  change: Change
  readonly verdict: Denial
  /** When it is forgotten, by the monotonic clock. */
  readonly until: number
}

/**
 * Remembers denials for a second, as long as nothing changes in the disk map or the reservations. Longhorn's controllers
 * repeat a denied write up to 50 times a second (longhorn.md §3). Judged again, it would be denied again: a denial that is
 * given from memory is at worst a second late. It admits nothing, so it can break no promise.
 *
 * The same verdict is the same object each time, so records and messages of it can be cached by object.
 */
export class RepeatedDenials {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** By {@link keyOf}; the oldest first. */
  readonly #denials = new Map<string, Remembered>()

  /** @param changes announces each change to the map and to the reservations, which may end a denial */
  constructor(changes: Pick<ChangeBus, 'subscribe'>, clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
    changes.subscribe(() => {
      if (this.#denials.size > 0) this.#denials.clear()
    })
  }

  /** The denial that the same change of the same user got; undefined if it has to be judged. */
  find(change: Change): Denial | undefined {
    const known = this.#denials.get(keyOf(change))
    if (!known || this.#clock.monotonic() >= known.until || !isSame(known.change, change)) return undefined
    known.change = change
    return known.verdict
  }

  /** Remembers a denial that was just given, on the map as it is now. */
  keep(change: Change, verdict: Denial): void {
    if (entriesOf(change) > mostEntries) return
    const key = keyOf(change)
    this.#denials.delete(key)
    this.#denials.set(key, { change, verdict, until: this.#clock.monotonic() + rememberedMs })
    const [oldest] = this.#denials.keys()
    if (this.#denials.size > most && oldest !== undefined) this.#denials.delete(oldest)
  }
}

function keyOf({ kind, before, after, request }: Change): string {
  return `${kind}/${(after ?? before).metadata.name}/${request.door}/${request.actor.username}`
}

/** True if both ask for the same, and differ at most in their uid and time. */
function isSame(one: Change, other: Change): boolean {
  return (
    one.operation === other.operation &&
    one.request.dryRun === other.request.dryRun &&
    isDeepStrictEqual(one.request.actor, other.request.actor) &&
    isDeepStrictEqual(one.before, other.before) &&
    isDeepStrictEqual(one.after, other.after)
  )
}

function entriesOf({ before, after }: Change): number {
  return [before, after].reduce((sum, object) => {
    switch (object?.kind) {
      case 'Node':
        return sum + object.spec.disks.size + object.status.diskStatus.size
      case 'BackingImage':
        return sum + object.spec.diskFileSpecMap.size + object.status.diskFileStatusMap.size
      case 'BackingImageDataSource':
      case undefined:
        return sum
    }
  }, 0)
}
