import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import type { Node } from '../longhorn/node.ts'
import type { Replica } from '../longhorn/replica.ts'
import type { Change, JudgedKind, Request } from '../rules/change.ts'
import type { Answer } from './answer.ts'
import type { Verdict } from './verdict.ts'

/** How much the disk map can be trusted. */
export interface Knowledge {
  /** True once every kind was listed completely. */
  readonly synced: boolean
  /** Milliseconds since the map, or what it has of a kind, was last known to be current; Infinity before that. */
  ageMs(kind?: JudgedKind): number
  /** The version up to which the map has everything of a kind; undefined before that was listed. */
  seenUpTo(kind: JudgedKind): string | undefined
  /** The objects whose present version could not be read: whatever depends on them is not known. */
  readonly unreadable: readonly { readonly kind: string; readonly name: string; readonly problem: string }[]
}

/**
 * Reads that see everything committed before they began (no resourceVersion is given), each one round trip.
 * All throw when there is no answer, or one that cannot be read, or the signal's reason.
 */
export interface QuorumReads {
  images(signal: AbortSignal): Promise<readonly BackingImage[]>
  dataSources(signal: AbortSignal): Promise<readonly BackingImageDataSource[]>
  nodes(signal: AbortSignal): Promise<readonly Node[]>
  /** Undefined if there is no such node. */
  node(name: string, signal: AbortSignal): Promise<Node | undefined>
  /** Undefined if there is none of this name. */
  dataSource(name: string, signal: AbortSignal): Promise<BackingImageDataSource | undefined>
  /**
   * The replicas that may use the copies of an image on other disks than these, without reading all of them. Some of the
   * replicas may have nothing to do with it.
   *
   * @param elsewhere UUIDs of the disks that do not matter
   */
  replicas(image: string, elsewhere: readonly string[], signal: AbortSignal): Promise<readonly Replica[]>
  /** Undefined if there is no such object. */
  metadata(kind: JudgedKind, name: string, signal: AbortSignal): Promise<Metadata | undefined>
}

/** How long a decision took. */
export interface Timing {
  /** From the request to the verdict, in milliseconds. */
  readonly totalMs: number
  /** How much of it was a hold: waiting for the disk map or a reservation to change. */
  readonly heldMs: number
}

/**
 * What a listener is told of: every decision; all but writes that raise no danger, and of which there is nothing to say; or
 * what has to be on record (see `isOnRecord`).
 */
export type Heard = 'everything' | 'what-matters' | 'what-is-on-record'

/** Hears of decisions: puts them on record, counts them, tells people. */
export interface DecisionListener {
  /** `everything` if not given. */
  readonly hears?: Heard
  /**
   * What it returns is waited for before a denial leaves; what is allowed leaves at once. It settles after `patienceMs`
   * milliseconds in any case: a disk that hangs decides nothing. It never throws, and never rejects.
   */
  decided(change: Change, verdict: Verdict, timing: Timing, patienceMs: number): void | Promise<void>
}

/** A write that a door denied by itself, since it could not be brought before the gate. */
export interface UnjudgedWrite {
  readonly request: Request
  readonly kind: JudgedKind
  readonly name: string
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  /**
   * `unreadable`: an object of it; `undecided`: the gate did not answer in time, or failed; `other-namespace`: it is not
   * in the namespace that the guard follows.
   */
  readonly why: 'unreadable' | 'undecided' | 'other-namespace'
}

/** Something to tell whoever looks at an object of Longhorn: `kubectl describe` shows it there. */
export interface ObjectEvent {
  readonly kind: JudgedKind
  readonly name: string
  readonly uid: string
  /** In one word: `EvictionDuringCleanup`. */
  readonly reason: string
  readonly message: string
  /** Whose share of Events it comes from: the name of the user who asked, as a rule. */
  readonly share: string
}

/** Tells it, sooner or later; never holds anything up, never throws. */
export interface EventSink {
  record(event: ObjectEvent): void
}

/** How long whoever asks can wait. */
export interface WaitBudget {
  /** Milliseconds. */
  readonly budgetMs: number
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /** False for a change that takes too much memory to be held. */
  readonly mayHold?: boolean
}

/** What the gate has decided of one change, and all that its door needs of it. */
export interface Outcome {
  readonly verdict: Verdict
  /** The verdict in words and codes, the same at every door. */
  readonly answer: Answer
  /**
   * For a door that hears what became of the write: takes back what was reserved, once nothing of it is on its way any
   * more. Whoever does not call it, or cannot know, leaves that to the watch and to the deadline. Never rejects.
   */
  readonly release?: (() => Promise<void>) | undefined
  /**
   * True once so much time went by since it was reserved that it must not be passed on any more: whoever passes writes on
   * asks right before. It counts by whichever clock went further, since one stands still in sleep and one can be set.
   */
  readonly isLate?: (() => boolean) | undefined
}

/** Decides one change; webhook, proxy and command line all call this and nothing else. */
export type Decide = (change: Change, wait: WaitBudget) => Promise<Outcome>
