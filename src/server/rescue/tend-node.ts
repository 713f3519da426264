import type { DiskMapView, PendingOnNode } from '../../disk-map/disk-map-view.ts'
import type { Node } from '../../longhorn/node.ts'
import {
  type GuardCircumstances,
  type GuardStep,
  guardStep,
  type RescueListener,
  type RescueNews,
} from '../../rules/rescue/guard-step.ts'

/** A step that writes the node. */
export type GuardWrite = Extract<GuardStep, { step: 'clear' | 'strike' | 'hand-over' | 'raise' | 'forget' }>

/** What became of one attempt to write. */
export type WriteResult =
  | { readonly outcome: 'written' }
  /** Somebody else was quicker: the disk map shows it in no time. */
  | { readonly outcome: 'conflict' }
  /**
   * @property ms not before so many milliseconds
   * @property mayBeWritten true if the answer to the write itself is lost
   */
  | {
      readonly outcome: 'failed'
      readonly why: string
      readonly ms: number
      readonly mayBeWritten?: true
    }

/** What a guard tends a node with. */
interface TendPorts {
  readonly map: DiskMapView
  readonly circumstances: () => GuardCircumstances
  /** Milliseconds by the monotonic clock. */
  readonly now: () => number
  /** False once another replica has to go on, or this one knows too little. */
  readonly isOn: () => boolean
  /** False if it only tells what it would do. */
  readonly acts: boolean
  /** True if at least one of these is pending, past every cache, or if nobody can tell. */
  readonly isReal: (cleanups: readonly PendingOnNode[]) => Promise<boolean>
  /** Writes this version of the node; resolves once the disk map shows it. It never throws. */
  readonly write: (node: Node, step: GuardWrite) => Promise<WriteResult>
  /** Resolves when the node has changed, now and then, or at this time (milliseconds by the monotonic clock) if that is first. */
  readonly changed: (until?: number) => Promise<void>
  readonly pause: (ms: number) => Promise<void>
  readonly onNews: RescueListener
}

/**
 * Clears the flags of a node in danger, and raises them again when that is safe. All that it has to remember is on the node,
 * so another replica goes on where this one ends.
 *
 * @returns once the node is no concern of the guard's, or of this replica's
 */
export async function tendNode(name: string, ports: TendPorts): Promise<void> {
  const { map, circumstances, now, isOn, acts, isReal, write, changed, pause, onNews } = ports
  const retries = { clear: new Retries(clearMs), other: new Retries(otherMs) }
  let isReported = false
  const reportOnce = (node: Node, news: RescueNews): void => {
    if (!isReported) onNews(node, news)
    isReported = true
  }
  while (isOn()) {
    const node = map.node(name)
    const step = guardStep(name, map, circumstances())
    if (!node || step.step === 'nothing') return
    if (!isWrite(step)) {
      if (step.step === 'blocked')
        reportOnce(node, { what: 'not-raised', flags: notedOn(node), why: step.problems.join('; ') })
      await changed(step.step === 'wait-for-notice' ? step.until : undefined)
      continue
    }
    const retry = step.step === 'clear' ? retries.clear : retries.other
    if (!acts) {
      if (step.step === 'clear')
        reportOnce(node, { what: 'would-clear', flags: step.flags, cleanups: step.cleanups })
      await changed()
      continue
    }
    // Meanwhile the node may come into danger, and that waits for nothing.
    if (retry.at > now()) {
      await changed(retry.at)
      continue
    }
    // An image may be seen later than the node: then the two met in no version of the cluster.
    if (step.step === 'clear' && !(await isReal(step.cleanups))) {
      await pause(behindMs)
      continue
    }
    const tried = await write(node, step)
    switch (tried.outcome) {
      case 'written':
        retries.clear.reset()
        retries.other.reset()
        isReported = false
        report(node, step, onNews)
        break
      case 'conflict':
        await pause(conflictMs)
        break
      case 'failed':
        if (step.step === 'raise') reportOnce(node, { what: 'not-raised', flags: step.flags, why: tried.why })
        retry.failed(now(), tried.ms)
    }
  }
}

function isWrite(step: Exclude<GuardStep, { step: 'nothing' }>): step is GuardWrite {
  switch (step.step) {
    case 'clear':
    case 'strike':
    case 'hand-over':
    case 'raise':
    case 'forget':
      return true
    case 'wait-for-cleanup':
    case 'wait-for-manager':
    case 'wait-for-notice':
    case 'wait-for-rule':
    case 'blocked':
      return false
  }
}

/** The first pause and the longest, in milliseconds. */
type Pauses = readonly [first: number, most: number]

/** Managers that crash-loop serve Longhorn's webhook for moments only, so a clear is tried often. */
const clearMs: Pauses = [500, 5_000]
/** Nothing else is urgent. */
const otherMs: Pauses = [2_000, 5 * 60_000]

/** When a write may be tried again. */
class Retries {
  readonly #pauses: Pauses
  #failures = 0
  #at = -Infinity

  constructor(pauses: Pauses) {
    this.#pauses = pauses
  }

  /** By the monotonic clock. */
  get at(): number {
    return this.#at
  }

  /** @param ms not before so many milliseconds */
  failed(now: number, ms: number): void {
    const [first, most] = this.#pauses
    this.#at = now + Math.max(ms, Math.min(most, first * 2 ** this.#failures))
    this.#failures += 1
  }

  reset(): void {
    this.#failures = 0
    this.#at = -Infinity
  }
}

const conflictMs = 100
/** Until the disk map has caught up, in milliseconds. */
const behindMs = 100

function notedOn({ rescue }: Node) {
  return rescue?.ok === true ? rescue.value : { node: false, disks: [] }
}

function report(node: Node, step: GuardWrite, onNews: RescueListener): void {
  switch (step.step) {
    case 'clear': {
      const { flags, cleanups, guard } = step
      onNews(node, { what: 'cleared', flags, cleanups, again: guard !== undefined })
      break
    }
    case 'raise':
      onNews(node, { what: 'raised', flags: step.flags })
      break
    case 'strike':
      onNews(node, { what: 'struck', left: step.left })
      break
    case 'forget':
      onNews(node, { what: 'struck', left: { node: false, disks: [] } })
      break
    case 'hand-over':
      onNews(node, { what: 'handed-over', flags: step.flags, why: step.why })
  }
}
