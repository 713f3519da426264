import type { Connection } from '../../kubernetes/client/connection.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import type { Node } from '../../longhorn/node.ts'
import { age } from '../../time/age.ts'
import type { Clock } from '../../time/clock.ts'
import { mayMarkLate } from './late-marks.ts'
import { nextReopening, type Reopening, reopenPatch, stillClosed, unmarkPatch } from './next-reopening.ts'
import { targetName } from './next-step.ts'
import type { Target } from './remains.ts'
import { nextChange, patchImage, patchNode } from './writes.ts'

/** What a target is put back in service with. */
interface ReopenModules {
  readonly connection: Connection
  readonly live: LiveMap
  readonly longhornNamespace: string
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly note: (text: string) => void
  /** So long after a flag went down a manager may still mark copies, in milliseconds. */
  readonly settleMs: number
  readonly dryRun: boolean
}

/**
 * Puts a node, or a disk, back in service: flags down, scheduling open, marks of the eviction cleared. It remembers
 * nothing: whoever interrupts it runs it again.
 *
 * @returns false if it cannot be
 * @throws what the writes throw, or the signal's reason
 */
export async function reopen(target: Target, modules: ReopenModules): Promise<boolean> {
  const { live, clock, signal, note, settleMs, dryRun } = modules
  const name = targetName(target)
  let isChanged = false
  /** The node with its flags down, and until when a manager that lags may mark copies again. */
  let down: { readonly node: Node; readonly until: number } | undefined
  let isWaitNoted = false
  for (;;) {
    const next = nextReopening(target, live.map)
    if (next.step === 'impossible') {
      note(`${name}: ${next.problem}`)
      return false
    }
    if (next.step !== 'done') {
      note(`${name}: ${sentenceOf(next, target, modules)}`)
      if (dryRun) return true
      await (next.step === 'open' ? open(target, modules) : unmark(next, modules))
      isChanged = true
      const node = live.map.node(target.node)
      // A mark that came late comes from a manager that has not noticed, and may come again.
      const isLate = next.step === 'unmark' && isWaitNoted
      if (node && (isLate || (next.step === 'open' && next.flags.length > 0)))
        down = { node, until: clock.monotonic() + settleMs }
      continue
    }
    const { until = 0 } = down ?? {}
    const leftMs = until - clock.monotonic()
    if (down === undefined || leftMs <= 0 || !mayMarkLate(target, live.map, down.node)) break
    if (!isWaitNoted)
      note(
        `${name}: waiting ${age(leftMs + 999)} at most, since a manager of Longhorn that has not noticed yet may mark copies again`,
      )
    isWaitNoted = true
    await nextChange(live, signal, { clock, until })
  }
  note(`${name}: ${isChanged ? 'back in service' : 'in service already, with nothing to clear'}`)
  noteWhatStays(target, modules)
  return true
}

async function open(target: Target, modules: ReopenModules): Promise<void> {
  await patchNode(target.node, (node) => reopenPatch(target, node), writing(modules))
}

async function unmark(
  { marks }: Extract<Reopening, { step: 'unmark' }>,
  modules: ReopenModules,
): Promise<void> {
  for (const { image, disks } of marks) {
    await patchImage(image, ({ spec }) => unmarkPatch(disks, spec.diskFileSpecMap), writing(modules))
  }
}

function writing({ connection, live, longhornNamespace: namespace, clock, signal, note }: ReopenModules) {
  const onHeld = (message: string): void => note(`held back, and tried again: ${message}`)
  return { connection, namespace, live, clock, signal, onHeld }
}

function sentenceOf(
  next: Exclude<Reopening, { step: 'done' | 'impossible' }>,
  target: Target,
  { live: { map }, dryRun }: ReopenModules,
): string {
  const verb = (does: string, would: string): string => (dryRun ? `would ${would}` : does)
  if (next.step === 'open') {
    const parts = [
      ...(next.flags.length > 0
        ? [`${verb('clearing', 'clear')} the flag of ${next.flags.join(' and ')}`]
        : []),
      ...(next.closed ? [`${verb('opening', 'open')} it for scheduling`] : []),
      ...(next.noted
        ? [`${verb('taking', 'take')} the note of a rescue away, so that its flags stay down`]
        : []),
    ]
    return parts.join(', ')
  }
  const copies = next.marks.flatMap(({ image, disks }) =>
    disks.map((uuid) => {
      const owner = map.ownersOf(uuid).find(({ node }) => node === target.node)
      return `${image} on ${owner?.disk ?? uuid}`
    }),
  )
  return `${verb('clearing', 'clear')} the marks by which Longhorn would still move copies away: ${copies.join(', ')}`
}

/** What it leaves as it is, since no eviction of the target has made it so. */
function noteWhatStays(target: Target, { live: { map }, note }: ReopenModules): void {
  for (const disk of stillClosed(target, map)) {
    note(
      `disk ${disk} of node ${target.node} stays closed for scheduling by itself. To open it: holdfast reopen ${target.node} --disk ${disk}`,
    )
  }
  if (map.node(target.node)?.status.schedulable === false) {
    note(
      `Longhorn places nothing on node ${target.node} yet: its condition Schedulable is not True, as on a node that is cordoned. To end that: kubectl uncordon ${target.node}`,
    )
  }
}
