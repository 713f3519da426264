import type { UnjudgedWrite } from '../../gate/ports.ts'
import { group, kinds } from '../../longhorn/kinds.ts'
import { type Actor, type Change, nameOf } from '../../rules/change.ts'
import type { Timers } from '../../time/clock.ts'
import type { AdmissionAnswer } from './admission-review.ts'
import { type Log, LogOnce } from './log.ts'
import { atMost } from './waiting-reviews.ts'
import type { UnreadableWrite } from './normalise.ts'
import {
  answerElsewhere,
  answerGaveWay,
  answerNotJudged,
  answerUndecided,
  answerUnreadable,
  type UndecidedOptions,
} from './unjudged.ts'

/** Options of the door's own answers. */
export interface DoorAnswerOptions extends UndecidedOptions {
  /** How long a denial of this door may wait for its record, in milliseconds. */
  readonly recordMs: number
  /** False if the whole guard only warns: then nothing is denied, whatever fails. */
  readonly enforces: boolean
}

/** The parts of those answers. */
export interface DoorAnswerModules {
  /** Whether a change can contribute to danger, by the change alone. */
  readonly isArming: (change: Change) => boolean
  /**
   * Records a denial before its answer leaves. It settles after `withinMs` milliseconds in any case, never
   * throws, and never rejects.
   */
  readonly denied: (write: UnjudgedWrite, withinMs: number) => void | Promise<void>
  readonly log: Log
  readonly timers: Timers
}

/** The user and the change of an unjudged review. */
interface Asking {
  readonly uid: string
  readonly name: string
  readonly namespace: string
  readonly user: Actor
  readonly dryRun: boolean
}

/**
 * The door's own answers to changes that cannot be, or were not, judged. They are logged, and denials are
 * recorded.
 */
export class DoorAnswers {
  readonly #options: DoorAnswerOptions
  readonly #modules: DoorAnswerModules
  readonly #logged = new LogOnce()

  constructor(options: DoorAnswerOptions, modules: DoorAnswerModules) {
    this.#options = options
    this.#modules = modules
  }

  /** The disk map has only one namespace: judged by it, every change elsewhere would seem safe. */
  async elsewhere(asked: Asking, write: Change | UnreadableWrite): Promise<AdmissionAnswer> {
    const { kind, operation } = write
    const { name, namespace, uid, user, dryRun } = asked
    const arming = 'problem' in write ? write.arming !== undefined : this.#isArming(write)
    if (!arming)
      return answerNotJudged(`${operation} of ${kinds[kind].plural}.${group} in namespace ${namespace}`)
    const { longhornNamespace } = this.#options
    if (this.#logged.isNew('other-namespace', namespace, kind)) {
      this.#modules.log.warn(
        { uid, kind, name, operation, namespace, longhornNamespace, user: user.username },
        'a write to another namespace than Longhorn’s was sent to the guard, and is denied',
      )
    }
    const request = { uid, actor: user, dryRun, door: 'webhook' } as const
    const unjudged = { request, kind, name, operation, why: 'other-namespace' } as const
    return await this.#answer(unjudged, answerElsewhere({ kind, name, namespace }, longhornNamespace))
  }

  /** The gate has failed, or did not decide in time. */
  async undecided(change: Change, cause: unknown): Promise<AdmissionAnswer> {
    const { kind, name, request } = undecided(change)
    const arming = this.#isArming(change)
    const err = new Error(`The gate did not decide on ${kind} ${name}`, { cause })
    if (this.#logged.isNew('undecided', kind, name, String(cause))) {
      this.#modules.log.error(
        { err, uid: request.uid, kind, name, arming },
        'a write was not judged; dangerous ones are denied meanwhile, others pass',
      )
    }
    return await this.#answer(undecided(change), answerUndecided(change, arming, this.#options))
  }

  /** It gave way to others that wait. @returns undefined for a harmless change, which is decided anyway */
  async gaveWay(change: Change): Promise<AdmissionAnswer | undefined> {
    if (!this.#isArming(change)) return undefined
    return await this.#answer(undecided(change), answerGaveWay(change, this.#options))
  }

  /** An object of the write does not parse. */
  async unreadable(asked: Asking, write: UnreadableWrite): Promise<AdmissionAnswer> {
    const { uid, name, user, dryRun } = asked
    const { kind, operation, problem } = write
    const answer = answerUnreadable(write, name)
    if (this.#logged.isNew('unreadable', kind, name, problem, String(answer.status?.code))) {
      this.#modules.log.warn(
        { uid, kind, name, operation, problem, user: user.username, refused: answer.status !== undefined },
        'an object cannot be read; dangerous writes to it are denied',
      )
    }
    const request = { uid, actor: user, dryRun, door: 'webhook' } as const
    return await this.#answer({ request, kind, name, operation, why: 'unreadable' }, answer)
  }

  /** Denies it on record, or, if nothing is enforced, admits it with a warning. */
  async #answer(write: UnjudgedWrite, answer: AdmissionAnswer): Promise<AdmissionAnswer> {
    const watched = this.watched(answer)
    if (watched.status !== undefined) await this.#recorded(write)
    return watched
  }

  /** If nothing is enforced, a warning instead of a denial. */
  watched(answer: AdmissionAnswer): AdmissionAnswer {
    const { status, ...allowed } = answer
    if (status === undefined || this.#options.enforces) return answer
    return { ...allowed, warnings: [...answer.warnings, status.message] }
  }

  /** The answer leaves in time, whatever happens to the record. */
  async #recorded(write: UnjudgedWrite): Promise<void> {
    const { denied, timers } = this.#modules
    const { recordMs } = this.#options
    const recording = denied(write, recordMs)
    if (recording) await atMost(recording, recordMs, timers)
  }

  /** Without a decision the change is denied. */
  #isArming(change: Change): boolean {
    try {
      return this.#modules.isArming(change)
    } catch (err) {
      const cause = err instanceof Error ? err : new Error(String(err))
      if (this.#logged.isNew('arming', change.kind, nameOf(change), cause.message)) {
        this.#modules.log.error({ err: cause, uid: change.request.uid }, 'a write counts as arming')
      }
      return true
    }
  }
}

function undecided(change: Change): UnjudgedWrite {
  const { request, kind, operation } = change
  return { request, kind, name: nameOf(change), operation, why: 'undecided' }
}
