import { isDeepStrictEqual } from 'node:util'
import type { DiskMapView, PendingOnNode } from '../../disk-map/disk-map-view.ts'
import type { Node } from '../../longhorn/node.ts'
import { type Profile, profileOf } from '../../longhorn/releases.ts'
import type { Flags, RescueNote } from '../../longhorn/rescue-note.ts'
import { isInDanger } from '../disks-at-risk.ts'
import type { Policy } from '../policy.ts'
import { cleanupsMet } from './cleanups.ts'
import { bothFlags, flagsUp, isNone, noFlags, toRaise } from './flags.ts'
import { nextRescueStep, type RescueCircumstances, type RescueStep } from './next-step.ts'

/** What a guard with `rescue: on` does next for one node; told from the cluster alone, as far as it can be. */
export type GuardStep =
  /**
   * Take all flags of the node down, and note them on it.
   *
   * @property guard what the note says of the guard; absent if only a person's command may raise them again
   */
  | {
      readonly step: 'clear'
      readonly flags: Flags
      readonly cleanups: readonly PendingOnNode[]
      readonly guard?: RescueNote['guard'] & {}
    }
  /** Somebody has raised some of the noted flags, or taken their disks away: only these stay noted. */
  | { readonly step: 'strike'; readonly left: Flags }
  /** Leave the noted flags to a person: the note stays, and the guard raises nothing of it. */
  | { readonly step: 'hand-over'; readonly flags: Flags; readonly why: HandOver }
  | Extract<
      RescueStep,
      {
        step:
          | 'wait-for-cleanup'
          | 'wait-for-manager'
          | 'wait-for-notice'
          | 'wait-for-rule'
          | 'raise'
          | 'forget'
          | 'blocked'
      }
    >
  /** It is no concern of the guard's. */
  | { readonly step: 'nothing' }

/** Why. `changed`: a person may have taken a flag down on purpose. `too-often`: the danger came back each time. */
type HandOver = 'changed' | 'too-often'

/** What a step depends on besides the disk map. */
export interface GuardCircumstances extends Omit<RescueCircumstances, 'ending' | 'pods'> {
  /** True if no person can have decided about these noted flags since the note was written. */
  readonly isKnown: (flags: Flags) => boolean
  /** True if the guard may raise flags of this node once more. */
  readonly mayRaise: boolean
}

/** The guard has no right to look at pods, so Longhorn's own conditions tell how managers stand. */
const pods = { problem: 'the guard does not look at pods' }

/** The next step of a guard's rescue. It never touches the note of a person's command, but for what it adds to it. */
export function guardStep(name: string, map: DiskMapView, circumstances: GuardCircumstances): GuardStep {
  const node = map.node(name)
  if (!node) return { step: 'nothing' }
  const { policy, isKnown, mayRaise } = circumstances
  const profile = profileOf(policy.release ?? map.release)
  if (isInDanger(node, map, profile)) return clearing(node, map, profile, isKnown)
  const note = noteToActOn(node)
  if (!note) return { step: 'nothing' }
  const noted: Flags = { node: note.node, disks: note.disks }
  const left = toRaise(note, node)
  if (isNone(left)) return { step: 'forget', why: 'already-up' }
  if (!isKnown(left)) return { step: 'hand-over', flags: left, why: 'changed' }
  if (!isDeepStrictEqual(left, noted)) return { step: 'strike', left }
  if (!mayRaise) return { step: 'hand-over', flags: left, why: 'too-often' }
  const step = nextRescueStep(name, map, { ...circumstances, pods, ending: 'raise' })
  switch (step.step) {
    // There is no danger, the note can be read, and the flags are to be raised.
    case 'clear':
    case 'take-over':
    case 'done':
    case 'gone':
      return { step: 'nothing' }
    case 'wait-for-cleanup':
    case 'wait-for-manager':
    case 'wait-for-notice':
    case 'wait-for-rule':
    case 'raise':
    case 'forget':
    case 'blocked':
      return step
  }
}

/** A note that is not the guard's stays so. What it says beyond the flags that are up may be what a person wants. */
function clearing(
  node: Node,
  map: DiskMapView,
  profile: Profile,
  isKnown: GuardCircumstances['isKnown'],
): GuardStep {
  const note = noteOf(node)
  const isOwn =
    node.rescue === undefined ||
    (note?.guard !== undefined && isKnown({ node: note.node, disks: note.disks }))
  return {
    step: 'clear',
    flags: bothFlags(note ?? noFlags, flagsUp(node)),
    cleanups: cleanupsMet(node, map, profile),
    // At least one flag goes down, so the write counts as one change of spec.
    ...(isOwn && { guard: { generation: node.metadata.generation + 1 } }),
  }
}

function noteOf({ rescue }: Node): RescueNote | undefined {
  return rescue?.ok === true ? rescue.value : undefined
}

/** The guard's note on a node that stays. */
function noteToActOn(node: Node): RescueNote | undefined {
  const { terminating, uninstalling } = node.metadata
  const note = noteOf(node)
  return note?.guard === undefined || terminating || uninstalling ? undefined : note
}

/** True for a node that a guard has something to do with: its manager crashes, or the guard has flags to raise there. */
export function concernsGuard(node: Node, map: DiskMapView, profile: Profile): boolean {
  return noteToActOn(node) !== undefined || isInDanger(node, map, profile)
}

/**
 * True if the guard holds back what must not meet. With one of these rules milder than that, flags that it has raised would
 * meet the next clean-up, so it only tells what it would do.
 */
export function enforcesRescue({ modes }: Pick<Policy, 'modes'>): boolean {
  return modes['eviction-during-cleanup'] === 'enforce' && modes['cleanup-during-eviction'] === 'enforce'
}

/** What a guard's rescue has to say of a node. */
export type RescueNews =
  /** The guard only warns, so it leaves the flags up. */
  | { readonly what: 'would-clear'; readonly flags: Flags; readonly cleanups: readonly PendingOnNode[] }
  /** @property again false if a person has to raise them again */
  | {
      readonly what: 'cleared'
      readonly flags: Flags
      readonly cleanups: readonly PendingOnNode[]
      readonly again: boolean
    }
  | { readonly what: 'raised'; readonly flags: Flags }
  /** Somebody has raised noted flags, or taken their disks away. @property left those that the guard still raises */
  | { readonly what: 'struck'; readonly left: Flags }
  | { readonly what: 'handed-over'; readonly flags: Flags; readonly why: HandOver }
  /** They stay down and noted, and the guard tries again later. */
  | { readonly what: 'not-raised'; readonly flags: Flags; readonly why: string }

/** Hears of it at once. It never throws, and nobody waits for it. */
export type RescueListener = (node: Node, news: RescueNews) => void
