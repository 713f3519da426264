import type { DiskMapView, PendingOnNode } from '../../disk-map/disk-map-view.ts'
import type { Node } from '../../longhorn/node.ts'
import { type GuardCircumstances, type GuardStep, guardStep } from '../../rescue/guard-step.ts'
import type { RescueListener } from '../../rescue/news.ts'

/** A step that writes the node. */
export type GuardWrite = Extract<GuardStep, { step: 'clear' | 'strike' | 'hand-over' | 'raise' | 'forget' }>

/** What became of one attempt to write. */
export type Tried =
  | { readonly outcome: 'written' }
  /** Somebody else was quicker: the disk map shows it in no time. */
  | { readonly outcome: 'conflict' }
  /** @property ms not before so many milliseconds */
  | { readonly outcome: 'failed'; readonly why: string; readonly ms: number }

/** What a guard tends a node with. */
interface TendPorts {
  readonly map: DiskMapView
  readonly circumstances: () => GuardCircumstances
  /** False once another replica has to go on, or this one knows too little. */
  readonly isOn: () => boolean
  /** False if it only tells what it would do. */
  readonly acts: boolean
  /** True if at least one of these is pending, past every cache, or if nobody can tell. */
  readonly isReal: (cleanups: readonly PendingOnNode[]) => Promise<boolean>
  /** Writes this version of the node; resolves once the disk map shows it. It never throws. */
  readonly write: (node: Node, step: GuardWrite) => Promise<Tried>
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
  const { map, circumstances, isOn, acts, isReal, write, changed, pause, onNews } = ports
  let failures = 0
  let wasTold = false
  while (isOn()) {
    const node = map.node(name)
    const step = guardStep(name, map, circumstances())
    if (!node || step.step === 'nothing') return
    switch (step.step) {
      case 'wait-for-notice':
        await changed(step.until)
        continue
      case 'wait-for-cleanup':
      case 'wait-for-manager':
      case 'wait-for-rule':
        await changed()
        continue
      case 'blocked':
        if (!wasTold)
          onNews(node, { what: 'not-raised', flags: notedOn(node), why: step.problems.join('; ') })
        wasTold = true
        await changed()
        continue
      case 'clear':
      case 'strike':
      case 'hand-over':
      case 'raise':
      case 'forget':
    }
    if (!acts) {
      if (step.step === 'clear' && !wasTold)
        onNews(node, { what: 'would-clear', flags: step.flags, cleanups: step.cleanups })
      wasTold = true
      await changed()
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
        failures = 0
        wasTold = false
        tellOf(node, step, onNews)
        break
      case 'conflict':
        await pause(conflictMs)
        break
      case 'failed':
        if (step.step === 'raise' && !wasTold) {
          onNews(node, { what: 'not-raised', flags: step.flags, why: tried.why })
          wasTold = true
        }
        await pause(Math.max(tried.ms, backOffMs(failures, step)))
        failures += 1
    }
  }
}

const conflictMs = 100
/** Until the disk map has caught up, in milliseconds. */
const behindMs = 100

/** Managers that crash-loop serve Longhorn's webhook for moments only, so a clear is tried often. Nothing else is urgent. */
function backOffMs(failures: number, { step }: GuardWrite): number {
  const [first, most] = step === 'clear' ? [500, 5_000] : [2_000, 5 * 60_000]
  return Math.min(most, first * 2 ** failures)
}

function notedOn({ rescue }: Node) {
  return rescue?.ok === true ? rescue.value : { node: false, disks: [] }
}

function tellOf(node: Node, step: GuardWrite, onNews: RescueListener): void {
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
