import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { type Clock, onAbort } from '../time/clock.ts'
import type { WaitBudget } from './ports.ts'
import { type ReservationBook, unownedDisks } from './reservation-book.ts'
import type { Conflict } from './conflict-finding.ts'
import type { Objection, Verdict } from './verdict.ts'
import type { Waited } from './waiting-list.ts'

/** A change: an object of the disk map, or an entry of the book of reservations. */
type Changed = `${string}/${string}`

/** The name of a change to an object of the disk map. */
export function objectChange(kind: string, name: string): Changed {
  return `${kind}/${name}`
}

/** The name of a change to an entry of the book of reservations. */
export function entryChange(key: string): Changed {
  return `entry/${key}`
}

/** Stands for a change to any object of a kind, if the relevant one is unknown. No object has this name. */
function anyChange(kind: string): Changed {
  return objectChange(kind, '*')
}

/** True if this change is among the awaited ones. */
function isAwaited(changed: Changed, awaited: ReadonlySet<Changed>): boolean {
  return awaited.has(changed) || awaited.has(anyChange(changed.slice(0, changed.indexOf('/'))))
}

/** Reports changes to waiting requests as they happen, and stores nothing. */
export class ChangeBus {
  readonly #listeners = new Set<(changed: Changed) => void>()
  readonly #ofObjects = new Set<(changed: Changed) => void>()

  emit(changed: Changed): void {
    for (const listener of this.#listeners) listener(changed)
    if (!changed.startsWith('entry/')) for (const listener of this.#ofObjects) listener(changed)
  }

  /** Follows a book: reports each entry that changes. */
  follow(book: Pick<ReservationBook, 'subscribe'>): void {
    book.subscribe((key) => this.emit(entryChange(key)))
  }

  /** @returns removes the listener */
  subscribe(listener: (changed: Changed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The same for changes to objects alone. */
  subscribeToObjects(listener: (changed: Changed) => void): () => void {
    this.#ofObjects.add(listener)
    return () => this.#ofObjects.delete(listener)
  }
}

/** One attempt to admit a change. */
export interface Attempt {
  readonly verdict: Verdict
  /** For a hold: the changes after which another attempt is useful; see {@link isAwaited}. */
  readonly wakeOn: ReadonlySet<Changed>
  /** For a hold: when time alone may have changed the result, by {@link Clock.monotonic}. */
  readonly wakeAt: number | undefined
  /** The wait before it, in milliseconds; absent for a first attempt. */
  readonly heldMs?: number
  /** Its wait since the user first asked, and the cause; absent if it did not wait. */
  readonly waited?: Waited
  /** Releases the reservations of an admitted change. */
  readonly release?: () => Promise<void>
  /** True once it is too late to forward an admitted change. */
  readonly isLate?: () => boolean
}

/** Options of holds. */
export interface HoldLimits {
  /** The longest hold, in milliseconds, even if the caller would wait longer. */
  readonly maxHoldMs: number
  /**
   * The maximum of held changes. At the limit, a new one replaces one of the caller with the most, if that
   * has at least two more than the new caller. Otherwise it is answered at once.
   */
  readonly maxHolds: number
}

/** The caller of a hold. */
interface Holder {
  /** The name of the account; accounts share the places. */
  readonly caller: string
  /** Asked before the change takes a place. False for a change that must not take one. */
  readonly mayWait: () => Promise<boolean>
  /** Called with the causes once it takes a place, and whenever they change. @param until when it is answered at the latest */
  readonly waits?: (objections: readonly Objection[], until: number) => void
}

/** One held change. */
interface Hold {
  readonly caller: string
  /** Ends its wait; absent during an attempt. */
  end?: () => void
  /** True once another has taken its place. */
  isOver: boolean
}

/** Holds changes until their obstacle is gone, or the caller can wait no longer. */
export class Holds {
  readonly #limits: HoldLimits
  readonly #changes: ChangeBus
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  /** Those of each caller, the first one first. */
  readonly #holds = new Map<string, Set<Hold>>()
  #active = 0
  #stopped = false

  constructor(limits: HoldLimits, changes: ChangeBus, clock: Clock) {
    this.#limits = limits
    this.#changes = changes
    this.#clock = clock
  }

  /** The number of requests that it holds now. */
  get active(): number {
    return this.#active
  }

  /**
   * Attempts at once, and again whenever the result may differ, as long as the verdict is a hold. The budget
   * begins with the call.
   */
  async retryUntil(
    attempt: () => Promise<Attempt>,
    { budgetMs, signal }: WaitBudget,
    { caller, mayWait, waits }: Holder,
  ): Promise<Attempt> {
    const end = this.#clock.monotonic() + Math.min(budgetMs, this.#limits.maxHoldMs)
    const isOver = (): boolean => this.#isOver(end, signal)
    const changed = new Set<Changed>()
    // From before the attempt on, since the awaited change may happen during it.
    const unsubscribe = this.#changes.subscribe((each) => changed.add(each))
    let heldMs = 0
    let hold: Hold | undefined
    try {
      for (;;) {
        changed.clear()
        const tried = await attempt()
        if (tried.verdict.decision !== 'hold') return { ...tried, heldMs }
        // The attempt may take a while.
        if (!hold && !isOver() && (await mayWait()) && !isOver()) hold = this.#take(caller)
        if (!hold || hold.isOver) return { ...tried, heldMs }
        waits?.(tried.verdict.objections, end)
        const began = this.#clock.monotonic()
        const isWorthIt = await this.#wait(tried, changed, { end, hold }, signal)
        heldMs += this.#clock.monotonic() - began
        if (!isWorthIt) return { ...tried, heldMs }
      }
    } finally {
      unsubscribe()
      if (hold) this.#leave(hold)
    }
  }

  /** Ends every hold, now and from now on: each is answered with its obstacle. */
  stop(): void {
    this.#stopped = true
    for (const end of [...this.#waiting]) end()
  }

  #isOver(end: number, signal: AbortSignal): boolean {
    return this.#clock.monotonic() >= end || this.#stopped || signal.aborted
  }

  /** @returns undefined if there is no place for this caller */
  #take(caller: string): Hold | undefined {
    if (this.#active >= this.#limits.maxHolds && !this.#makeRoomFor(caller)) return undefined
    const hold: Hold = { caller, isOver: false }
    const others = this.#holds.get(caller)
    if (others) others.add(hold)
    else this.#holds.set(caller, new Set([hold]))
    this.#active += 1
    return hold
  }

  #leave(hold: Hold): void {
    const holds = this.#holds.get(hold.caller)
    if (!holds?.delete(hold)) return
    this.#active -= 1
    if (holds.size === 0) this.#holds.delete(hold.caller)
  }

  /** Answers the latest of the caller with the most, whose others have waited longer. */
  #makeRoomFor(caller: string): boolean {
    const own = this.#holds.get(caller)?.size ?? 0
    let most: readonly Hold[] = []
    for (const holds of this.#holds.values()) if (holds.size > most.length) most = [...holds]
    const latest = most.at(-1)
    if (!latest || most.length < own + 2) return false
    latest.isOver = true
    this.#leave(latest)
    latest.end?.()
    return true
  }

  /** @returns whether another attempt is worth the while */
  #wait(
    { wakeOn, wakeAt }: Attempt,
    changed: ReadonlySet<Changed>,
    { end, hold }: { readonly end: number; readonly hold: Hold },
    signal: AbortSignal,
  ): Promise<boolean> {
    const now = this.#clock.monotonic()
    const over = this.#isOver(end, signal)
    if (over || [...changed].some((each) => isAwaited(each, wakeOn))) return Promise.resolve(!over)
    return new Promise((resolve) => {
      const done = (isWorthIt: boolean): void => {
        unsubscribe()
        cancelEnd()
        cancelWake?.()
        forget()
        this.#waiting.delete(giveUp)
        delete hold.end
        resolve(isWorthIt)
      }
      const giveUp = (): void => done(false)
      const unsubscribe = this.#changes.subscribe((each) => isAwaited(each, wakeOn) && done(true))
      const cancelEnd = this.#clock.setTimer(end - now, giveUp)
      const cancelWake =
        wakeAt === undefined ? undefined : this.#clock.setTimer(Math.max(0, wakeAt - now), () => done(true))
      const forget = onAbort(signal, giveUp)
      this.#waiting.add(giveUp)
      hold.end = giveUp
    })
  }
}

/** An attempt with this verdict, and for a hold the changes that another attempt has to wait for. */
export function attemptOf(verdict: Verdict, map: DiskMapView): Attempt {
  if (verdict.decision !== 'hold') return { verdict, wakeOn: new Set(), wakeAt: undefined }
  const { objections } = verdict
  // Not spread into a call, since a call takes only so many arguments.
  const first = objections.reduce((soonest, { until }) => Math.min(soonest, until ?? Infinity), Infinity)
  return { verdict, wakeOn: whatEnds(objections, map), wakeAt: first === Infinity ? undefined : first }
}

/** The changes after which one of these objections may be gone; see {@link isAwaited} for how to compare. */
function whatEnds(objections: readonly Objection[], map: DiskMapView): Set<Changed> {
  const changed = new Set<Changed>()
  for (const { rule, subjects } of objections) {
    // The other copies depend on the flags of all nodes that have them.
    if (rule === 'evict-unready-copy') changed.add(anyChange('Node'))
    // A finding about most images names none of them.
    if (rule === 'eviction-during-cleanup' && subjects.every(({ image }) => image === undefined))
      changed.add(anyChange('BackingImage'))
    for (const { node, image, diskUUID } of subjects) {
      if (node !== undefined) changed.add(objectChange('Node', node))
      // The watch of nodes can be behind that of images: any node may show the disk.
      if (diskUUID !== undefined && !map.isAtWork(diskUUID)) changed.add(anyChange('Node'))
      if (image === undefined) continue
      changed.add(objectChange('BackingImage', image))
      changed.add(objectChange('BackingImageDataSource', image))
    }
  }
  return changed
}

/** The changes after which a conflict may be gone. */
export function whatEndsConflict({ claim, reservation }: Conflict): Set<Changed> {
  const changed = new Set([entryChange(claim.entry), objectChange(reservation.kind, reservation.name)])
  // Once a node shows the disk, the two no longer meet on this entry.
  if (claim.entry === unownedDisks) changed.add(anyChange('Node'))
  return changed
}
