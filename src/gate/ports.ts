import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import type { Node } from '../longhorn/node.ts'
import type { Replica } from '../longhorn/replica.ts'
import type { Change, JudgedKind, Request } from '../rules/change.ts'
import type { Answer } from './answer.ts'
import type { HeldChange } from './held-change.ts'
import type { Verdict } from './verdict.ts'

/** How much the disk map can be trusted. */
export interface MapFreshness {
  /** True once every kind was listed completely. */
  readonly synced: boolean
  /** Milliseconds since the map, or one kind, was last known to be current; Infinity before that. */
  ageMs(kind?: JudgedKind): number
  /** The version up to which the map has everything of a kind; undefined before its first list. */
  seenUpTo(kind: JudgedKind): string | undefined
  /** The objects whose current version could not be read: nothing that depends on them is certain. */
  readonly unreadable: readonly { readonly kind: string; readonly name: string; readonly problem: string }[]
}

/**
 * Reads that see everything committed before they began (they give no resourceVersion), each one round trip.
 * All throw if there is no answer, or an unreadable one, or the signal's reason.
 */
export interface QuorumReads {
  images(signal: AbortSignal): Promise<readonly BackingImage[]>
  dataSources(signal: AbortSignal): Promise<readonly BackingImageDataSource[]>
  nodes(signal: AbortSignal): Promise<readonly Node[]>
  /** Undefined if the node does not exist. */
  node(name: string, signal: AbortSignal): Promise<Node | undefined>
  /** Undefined if none has this name. */
  dataSource(name: string, signal: AbortSignal): Promise<BackingImageDataSource | undefined>
  /**
   * The replicas that may use the copies of an image on other disks than these, without reading all of them.
   * Some of the replicas may be unrelated.
   *
   * @param elsewhere UUIDs of the disks that do not matter
   */
  replicas(image: string, elsewhere: readonly string[], signal: AbortSignal): Promise<readonly Replica[]>
  /** Undefined if the object does not exist. */
  metadata(kind: JudgedKind, name: string, signal: AbortSignal): Promise<Metadata | undefined>
}

/** How long a decision took. */
export interface Timing {
  /** From the request to the verdict, in milliseconds. */
  readonly totalMs: number
  /** The time of it that was a hold: waiting for the disk map or a reservation to change. */
  readonly heldMs: number
  /** True for a denial that was given before, as this same verdict: see RepeatedDenials. */
  readonly isRepeated?: true
}

/**
 * The decisions that a listener gets: every one; all but harmless writes without findings; or those that have
 * to be recorded (see `isOnRecord`).
 */
export type DecisionScope = 'everything' | 'what-matters' | 'what-is-on-record'

/** A listener of decisions: it records them, counts them, or shows them to people. */
export interface DecisionListener {
  /** Default: `everything`. */
  readonly scope?: DecisionScope
  /**
   * A denial waits for the returned promise before it leaves; an allowed change leaves at once. The promise
   * settles after `withinMs` milliseconds in any case: a disk that hangs decides nothing. It never throws,
   * and never rejects.
   */
  decided(change: Change, verdict: Verdict, timing: Timing, withinMs: number): void | Promise<void>
}

/**
 * How a hold ended. `told to retry`: with a 429, so the client asks again. `gone`: the client has not asked again. `left`: the
 * client has closed its request before the answer.
 */
export type HoldEnd = 'admitted' | 'denied' | 'not judged' | 'told to retry' | 'gone' | 'left'

/** Hears when a change begins to wait and when that ends. It returns at once: a decision waits for nothing that it does. */
export interface HoldListener {
  began(held: HeldChange): void
  ended(held: HeldChange, how: HoldEnd): void
}

/** A write that a door denied by itself, since it could not be brought before the gate. */
export interface UnjudgedWrite {
  readonly request: Request
  readonly kind: JudgedKind
  readonly name: string
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  /**
   * `unreadable`: its object; `undecided`: the gate did not answer in time, or failed; `other-namespace`: it
   * is not in the namespace that the guard follows.
   */
  readonly why: 'unreadable' | 'undecided' | 'other-namespace'
}

/** A message for people who look at an object of Longhorn: `kubectl describe` shows it there. */
export interface ObjectEvent {
  readonly kind: JudgedKind
  readonly name: string
  readonly uid: string
  /** In one word: `EvictionDuringCleanup`. */
  readonly reason: string
  readonly message: string
  /** `Warning` if not given. */
  readonly type?: 'Normal'
  /** The share of Events that it counts against: usually the name of the user of the request. */
  readonly share: string
}

/** Writes it, sooner or later; it never delays its caller, and never throws. */
export interface EventSink {
  record(event: ObjectEvent): void
}

/** How long the caller can wait. */
export interface WaitBudget {
  /** Milliseconds. */
  readonly budgetMs: number
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /** False for a change that takes too much memory to be held. */
  readonly mayHold?: boolean
}

/** The gate's decision about one change, with everything that its door needs. */
export interface Outcome {
  readonly verdict: Verdict
  /** The verdict in words and codes, the same at every door. */
  readonly answer: Answer
  /**
   * For a door that sees the result of the write: releases the reservations, once nothing of the write is
   * pending. A door that does not call it, or cannot know, leaves that to the watch and to the deadline.
   * Never rejects.
   */
  readonly release?: (() => Promise<void>) | undefined
  /**
   * True once the reservation is so old that the write must not be forwarded: proxies ask right before they
   * forward. It uses the clock that went further, since one stops during suspend and the other can be set.
   */
  readonly isLate?: (() => boolean) | undefined
}

/** Decides one change; webhook, proxy and command line all call this function only. */
export type Decide = (change: Change, wait: WaitBudget) => Promise<Outcome>

/**
 * Decides at once a change that raises no danger, as nearly every write, or that was denied right before; undefined for all
 * others. A denial may have to be recorded first.
 */
export type DecideAtOnce = (change: Change) => Outcome | Promise<Outcome> | undefined
