import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { age } from '../../time/age.ts'
import { explainEviction } from './explain.ts'
import { type EvictionStep, targetName } from './next-step.ts'
import { bytesLeft, progressOf, progressText } from './progress.ts'
import type { Target } from './remains.ts'

/** Where a target stands, as the one who waits has seen it. It is for people alone: no step depends on it. */
class TargetProgress {
  readonly target: Target
  readonly #map: DiskMapView
  #step: EvictionStep | undefined
  #since = 0
  /** The most bytes that were left in this step. */
  #atMost = 0

  constructor(target: Target, map: DiskMapView) {
    this.target = target
    this.#map = map
  }

  /** @returns true if it is another step, or about something else */
  take(step: EvictionStep, now: number): boolean {
    if (step.step !== this.#step?.step) {
      this.#since = now
      this.#atMost = 0
    }
    this.#atMost = Math.max(this.#atMost, bytesLeft(step, this.#map) ?? 0)
    const isNew = JSON.stringify(step) !== JSON.stringify(this.#step)
    this.#step = step
    return isNew
  }

  get percent(): number | undefined {
    return this.#progress?.percent
  }

  get isOver(): boolean {
    return this.#step !== undefined && over.has(this.#step.step)
  }

  /** @param counting true to say for how long the step has lasted too */
  text(now: number, counting: boolean): string {
    if (this.#step === undefined) return ''
    const progress = this.#progress
    const details = [
      ...(progress === undefined ? [] : [progressText(progress)]),
      ...(counting && this.#step.step.startsWith('wait-') ? [`for ${age(now - this.#since)}`] : []),
    ].filter((part) => part !== '')
    const detailText = details.length > 0 ? ` (${details.join(', ')})` : ''
    return `${targetName(this.target)}: ${explainEviction(this.#step, now)}${detailText}`
  }

  get #progress() {
    return this.#step && progressOf(this.#step, this.target, this.#map, this.#atMost)
  }
}

/** Steps after which nothing comes for the target. */
const over: ReadonlySet<EvictionStep['step']> = new Set(['done', 'drained', 'impossible'])

/** What people are told of evictions: a line for each step, or one block that is written anew. */
export class StepReport {
  readonly #targets = new Map<string, TargetProgress>()
  readonly #map: DiskMapView
  readonly #now: () => number
  readonly #note: (text: string) => void
  readonly #show: ((rows: readonly string[]) => void) | undefined
  readonly #tens = new Map<string, number>()

  /**
   * @param note tells something that stays
   * @param show shows these rows in the place of those before; undefined where there is no terminal
   */
  constructor(
    map: DiskMapView,
    now: () => number,
    note: (text: string) => void,
    show?: (rows: readonly string[]) => void,
  ) {
    this.#map = map
    this.#now = now
    this.#note = note
    this.#show = show
  }

  /** Takes the step of a target at a look at it. @returns true if it is another one than at the look before */
  see(target: Target, step: EvictionStep): boolean {
    const key = targetName(target)
    const progress = this.#targets.get(key) ?? new TargetProgress(target, this.#map)
    this.#targets.set(key, progress)
    const isNew = progress.take(step, this.#now())
    if (this.#show === undefined) {
      if (this.#hasPassedTen(key, progress) || isNew) this.#note(progress.text(this.#now(), !isNew))
      return isNew
    }
    if (isNew && progress.isOver) this.#note(progress.text(this.#now(), false))
    this.refresh()
    return isNew
  }

  /** Shows the block again: ages count on. */
  refresh(): void {
    if (this.#show === undefined) return
    const going = [...this.#targets.values()].filter((progress) => !progress.isOver)
    this.#show(going.map((progress) => progress.text(this.#now(), true)))
  }

  /** Elsewhere than on a terminal each tenth is a line, and no more. */
  #hasPassedTen(key: string, { percent }: TargetProgress): boolean {
    const ten = Math.floor((percent ?? 0) / 10)
    const before = this.#tens.get(key) ?? 0
    this.#tens.set(key, ten)
    return ten > before
  }
}
