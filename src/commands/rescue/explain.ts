import type { PendingOnNode } from '../../disk-map/disk-map-view.ts'
import { type Flags, rescueAnnotation } from '../../longhorn/rescue-note.ts'
import { cleanupInWords } from '../../rules/rescue/cleanups.ts'
import { plainLine } from '../../text/plain-text.ts'
import { flagsInWords, isNone } from '../../rules/rescue/flags.ts'
import type { Ending, RescueStep } from '../../rules/rescue/next-step.ts'

/** What a step is told with. */
interface Wording {
  /** Milliseconds by the monotonic clock. */
  readonly now: number
  readonly longhornNamespace: string
  /** True for a dry run: nothing of it is done. */
  readonly isDryRun: boolean
  /** A command of Holdfast about the same cluster, to copy. @param words what comes after `holdfast` */
  readonly commandOf: (words: readonly string[]) => string
}

/**
 * Says a step of a node in one line, for a person who waits, or who only asks. A newline in the name of a disk must not
 * look like another line.
 */
export function explainRescue(node: string, step: RescueStep, wording: Wording): string {
  return plainLine(sentenceOf(node, step, wording))
}

function sentenceOf(node: string, step: RescueStep, wording: Wording): string {
  const { now, longhornNamespace, isDryRun, commandOf } = wording
  const verb = (does: string, would: string): string => (isDryRun ? `would ${would}` : does)
  switch (step.step) {
    case 'clear':
      return `${verb('taking', 'take')} ${flagsInWords(step.flags)} down, and ${verb('noting', 'note').replace('would ', '')} that on the node (annotation ${rescueAnnotation})`
    case 'take-over':
      return `${verb('making', 'make')} the note of the guard its own, so that the guard does not raise the flags again`
    case 'wait-for-cleanup':
      return `${verb('waiting', 'wait')} for ${count(step.cleanups.length, 'clean-up')} to end: ${some(
        step.cleanups.map((cleanup) => cleanupInWords(cleanup, now) + stoppedInWords(cleanup, wording)),
      )}`
    case 'wait-for-manager':
      return `${verb('waiting', 'wait')} for its longhorn-manager to be ready${step.reason === null ? '' : ` (${step.reason})`}${hurry(step, longhornNamespace)}`
    case 'wait-for-notice':
      return `${verb('waiting', 'wait')} about ${Math.max(0, Math.ceil((step.until - now) / 1_000))}s until Longhorn has noticed that no clean-up is pending`
    case 'wait-for-rule':
      return `${verb('waiting', 'wait')}, since the guard would hold the flags back: ${some(step.problems)}`
    case 'raise':
      return `${verb('raising', 'raise')} ${flagsInWords(step.flags)} again. To finish the eviction then: ${commandOf(['evict', node, ...onlyDisk(step.flags)])}`
    case 'forget':
      return step.why === 'leave-cleared'
        ? `${verb('leaving', 'leave')} its flags as they are, and ${verb('taking', 'take').replace('would ', '')} the note away`
        : `its flags are up already, or their disks are gone: ${verb('taking', 'take')} the note away`
    case 'done':
      return doneInWords(node, step, wording)
    case 'gone':
      return 'the node is deleted, and its flags with it'
    case 'blocked':
      return `its flags stay down: ${some(step.problems)}`
  }
}

function doneInWords(
  node: string,
  { noted, manager }: Extract<RescueStep, { step: 'done' }>,
  { commandOf }: Wording,
): string {
  if (isNone(noted))
    return manager === 'ready'
      ? 'done: no eviction meets a clean-up, and its longhorn-manager is ready'
      : 'no eviction meets a clean-up there, and still its longhorn-manager is not ready: this crash is not why'
  return `done: its longhorn-manager is ready. ${capital(flagsInWords(noted))} ${noted.disks.length + Number(noted.node) === 1 ? 'stays' : 'stay'} down, and the node notes that. To raise them later: ${commandOf(['rescue', node])}. To forget them: ${commandOf(['rescue', node, '--leave-cleared'])}`
}

/** A clean-up usually ends within five seconds (longhorn.md §2). */
const usuallyOverMs = 30_000

function stoppedInWords(
  { stoppedBy, image, since }: PendingOnNode & { readonly stoppedBy: string | null },
  { now, longhornNamespace }: Wording,
): string {
  if (stoppedBy !== null) return `, and cannot while ${stoppedBy}`
  if (now - since < usuallyOverMs) return ''
  return `, and nothing that stops it is known. Look: kubectl -n ${longhornNamespace} get backingimages.longhorn.io ${image} -o yaml`
}

/** The kubelet waits up to five minutes before it starts a container again that has crashed often. */
function hurry(
  { pod, reason }: Extract<RescueStep, { step: 'wait-for-manager' }>,
  namespace: string,
): string {
  if (pod === null || reason !== 'CrashLoopBackOff') return ''
  return `. The kubelet starts it again within 5 minutes. To start it at once: kubectl -n ${namespace} delete pod ${pod}`
}

/** What a whole rescue does, one sentence for each step that is still to come. */
export function outlineRescue(next: RescueStep, ending: Ending): string[] {
  const last: Record<Ending, string> = {
    raise:
      'raise these flags again, if it is proved that a guard holds back the removal of copies; else leave them down and noted',
    'leave-noted': 'leave the flags down and noted',
    'leave-cleared': 'leave the flags down, and take the note away',
  }
  const taken: [readonly RescueStep['step'][], string] = [
    ['take-over'],
    'make the note of the guard its own, so that the guard does not raise the flags again',
  ]
  const steps: [readonly RescueStep['step'][], string][] = [
    [['clear'], `take the flags down, and note them on the node (annotation ${rescueAnnotation})`],
    ...(next.step === 'take-over' ? [taken] : []),
    [['wait-for-cleanup'], 'wait until no clean-up is pending that these flags would meet'],
    [['wait-for-manager'], 'wait until its longhorn-manager is ready'],
    [['wait-for-notice', 'wait-for-rule', 'raise', 'forget'], last[ending]],
  ]
  const at = steps.findIndex(([names]) => names.includes(next.step))
  return at < 0 ? [] : steps.slice(at).map(([, text]) => text)
}

/** What of a step decides whether it is news: no age, so that the same is not told each time it is looked at. */
export function newsOf(step: RescueStep): string {
  return JSON.stringify(step, (key, value: unknown) =>
    key === 'since' || key === 'state' ? undefined : value,
  )
}

/** Beside another flag on the node, a disk cannot be emptied alone on releases that crash. */
function onlyDisk({ node, disks }: Flags): string[] {
  return !node && disks.length === 1 ? ['--disk', ...disks] : []
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

function some(texts: readonly string[]): string {
  return texts.length > 5 ? `${texts.slice(0, 5).join('; ')}; and ${texts.length - 5} more` : texts.join('; ')
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
