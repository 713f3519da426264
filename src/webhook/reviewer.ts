import type { Decide } from '../gate/decision.ts'
import type { Patience } from '../gate/holds.ts'
import type { UnjudgedWrite } from '../gate/ports.ts'
import { group, kinds } from '../longhorn/kinds.ts'
import type { Parsed } from '../longhorn/parsed.ts'
import { nameOf, type Change } from '../rules/change.ts'
import { isLonghorn } from '../rules/longhorn-account.ts'
import {
  metadataText,
  objectName,
  parseAdmissionReview,
  uidOf,
  type AdmissionRequest,
} from './admission-review.ts'
import { admissionReview, answerOf, type AdmissionAnswer } from './answer.ts'
import { atMost, within } from './deadline.ts'
import type { HttpProblem } from './http-problem.ts'
import { normalise, type Normalised, type UnreadableWrite } from './normalise.ts'
import { parseTimeout } from './parse-timeout.ts'
import type { Log, Timers } from './ports.ts'
import type { RepeatedRefusals, Waiting } from './repeated-refusals.ts'
import { SaidOnce } from './said-once.ts'
import {
  answerElsewhere,
  answerGaveWay,
  answerMalformed,
  answerNotJudged,
  answerUndecided,
  answerUnread,
  answerUnreadable,
  type UndecidedOptions,
} from './unjudged.ts'
import {
  defaultWaitingLimits,
  hasGivenWay,
  WaitingReviews,
  type ReviewWeight,
  type WaitingLimits,
} from './waiting-reviews.ts'

/** What the operator decides about reviewing. */
export interface ReviewOptions extends UndecidedOptions, WaitingLimits {
  /** Taken off the API server's timeout, in milliseconds: that is rounded up to a second, and the answer needs its
   * way back. */
  readonly marginMs: number
  /** How much longer than its budget the gate may take before it is answered for, in milliseconds. */
  readonly graceMs: number
  /** How long a denial of this door may wait for its record after that, in milliseconds. */
  readonly recordMs: number
  /** False where the whole guard only watches: then nothing is denied, whatever goes wrong. */
  readonly enforces: boolean
}

/** The limits without configuration. */
export const defaultReviewOptions: ReviewOptions = {
  marginMs: 1_500,
  graceMs: 250,
  // With the grace, less than half of the shortest timeout of Kubernetes, 1 s.
  recordMs: 150,
  ...defaultWaitingLimits,
  enforces: true,
  longhornNamespace: 'longhorn-system',
  impatient: [],
  retryAfterSeconds: 2,
}

/** What reviewing works with. */
export interface ReviewModules {
  readonly decide: Decide
  /** Whether a change can contribute to danger, told from the change alone. */
  readonly isArming: (change: Change) => boolean
  /**
   * Puts on record what is denied here, before the answer leaves. It settles after `patienceMs` milliseconds in any case,
   * never throws, and never rejects.
   */
  readonly denied: (write: UnjudgedWrite, patienceMs: number) => void | Promise<void>
  readonly log: Log
  readonly timers: Timers
  /** Puts off what Longhorn’s own account is refused again and again; without it, every answer leaves at once. */
  readonly repeated?: RepeatedRefusals
  /** Told of each review that gave way, since others need the memory that it takes. */
  readonly gaveWay?: () => void
}

/** What is kept of a review while it is decided: a hold lasts for seconds, and an object can have megabytes. */
interface Asked extends Omit<AdmissionRequest, 'object' | 'oldObject' | 'subResource'> {
  /** The resourceVersion of the stored object. */
  readonly version: string
  readonly normalised: Normalised
}

/** The body of an answer. */
export type ReviewAnswer = ReturnType<typeof admissionReview>

/** Reviews what the API server asks. Always answers, whatever the gate does. */
export class Reviewer {
  readonly #options: ReviewOptions
  readonly #modules: ReviewModules
  readonly #said = new SaidOnce()
  readonly #waiting: WaitingReviews

  constructor(options: ReviewOptions, modules: ReviewModules) {
    this.#options = options
    this.#modules = modules
    this.#waiting = new WaitingReviews(options, modules.gaveWay)
  }

  /**
   * Answers one review.
   *
   * @param body untrusted JSON
   * @param timeout the query parameter of this name
   * @param signal aborted when nobody waits for the answer any more
   * @param weight what it counts for while it waits
   * @returns a problem if not even a uid can be had
   */
  review(
    body: unknown,
    timeout: unknown,
    signal: AbortSignal,
    weight: ReviewWeight = { bytes: 0, peer: '' },
  ): Promise<Parsed<ReviewAnswer>> {
    const parsed = parseAdmissionReview(body)
    if (!parsed.ok) {
      const uid = uidOf(body)
      if (uid === undefined) return Promise.resolve(parsed)
      const answer = this.#watched(answerMalformed(parsed.problem))
      return Promise.resolve({ ok: true, value: admissionReview(uid, answer) })
    }
    const { uid, resource, namespace, operation, user, dryRun, oldObject } = parsed.value
    const name = objectName(parsed.value)
    const version = metadataText(oldObject, 'resourceVersion')
    const normalised = normalise(parsed.value)
    const asked = { uid, resource, name, namespace, operation, user, dryRun, version, normalised }
    return this.#waiting.during(weight, signal, (waiting) => this.#reviewed(asked, timeout, waiting))
  }

  /** Answers a review of which only the uid was read. @param problem why the rest was not */
  unread(uid: string, problem: HttpProblem): ReviewAnswer {
    return admissionReview(uid, this.#watched(answerUnread(problem)))
  }

  async #reviewed(
    request: Asked,
    timeout: unknown,
    waiting: Omit<Patience, 'budgetMs'>,
  ): Promise<Parsed<ReviewAnswer>> {
    const timeoutMs = parseTimeout(timeout)
    const until = (this.#modules.repeated?.now() ?? 0) + this.#budget(timeoutMs)
    const answer = await this.#answer(request, timeoutMs, waiting)
    await this.#putOff(request, answer, { until, signal: waiting.signal })
    return { ok: true, value: admissionReview(request.uid, answer) }
  }

  async #answer(
    request: Asked,
    timeoutMs: number,
    waiting: Omit<Patience, 'budgetMs'>,
  ): Promise<AdmissionAnswer> {
    const { normalised } = request
    if (!this.#follows(request.namespace)) {
      if (normalised.outcome === 'change') return await this.#elsewhere(request, normalised.change)
      if (normalised.outcome === 'unreadable') return await this.#elsewhere(request, normalised.write)
    }
    switch (normalised.outcome) {
      case 'change':
        return await this.#decide(normalised.change, { budgetMs: this.#budget(timeoutMs), ...waiting })
      case 'unreadable':
        return await this.#unreadable(request, normalised.write)
      case 'not-judged':
        return answerNotJudged(normalised.what)
      case 'malformed':
        return this.#watched(answerMalformed(normalised.problem))
    }
  }

  /** A namespace that no part of the review names is Longhorn's: that of a check of a file, for example. */
  #follows(namespace: string): boolean {
    return namespace === '' || namespace === this.#options.longhornNamespace
  }

  /** The disk map knows nothing of other namespaces: judged by it, everything there would seem safe. */
  async #elsewhere(asked: Asked, write: Change | UnreadableWrite): Promise<AdmissionAnswer> {
    const { kind, operation } = write
    const { name, namespace, uid, user, dryRun } = asked
    const arming = 'problem' in write ? write.arming !== undefined : this.#isArming(write)
    if (!arming)
      return answerNotJudged(`${operation} of ${kinds[kind].plural}.${group} in namespace ${namespace}`)
    const { longhornNamespace } = this.#options
    if (this.#said.isNew('other-namespace', namespace, kind)) {
      this.#modules.log.warn(
        { uid, kind, name, operation, namespace, longhornNamespace, user: user.username },
        'a write to another namespace than Longhorn’s was sent to the guard, and is refused',
      )
    }
    const request = { uid, actor: user, dryRun, door: 'webhook' } as const
    const unjudged = { request, kind, name, operation, why: 'other-namespace' } as const
    return await this.#answerUnjudged(unjudged, answerElsewhere({ kind, name, namespace }, longhornNamespace))
  }

  /** A dry run changes nothing, so it does not count either. */
  async #putOff(
    { resource, name, operation, user, dryRun, version }: Asked,
    { status, auditAnnotations }: AdmissionAnswer,
    waiting: Waiting,
  ): Promise<void> {
    if (!status || dryRun || !isLonghorn(user, this.#options.longhornNamespace)) return
    const { resource: kind } = resource
    const verdict = JSON.stringify([status.code, auditAnnotations])
    await this.#modules.repeated?.putOff({ kind, name, operation, version, verdict }, waiting)
  }

  /** Of a short time a half is left for the decision, which asks the cluster too. */
  #budget(timeoutMs: number): number {
    return timeoutMs - Math.min(this.#options.marginMs, timeoutMs / 2)
  }

  async #decide(change: Change, asked: Patience): Promise<AdmissionAnswer> {
    const { decide, timers } = this.#modules
    const { signal, ...patience } = this.#waiting.bounded(asked)
    // What is not asked takes no place and no read. What raises no danger is decided without either.
    if (hasGivenWay(signal) && this.#isArming(change))
      return await this.#answerUnjudged(undecided(change), answerGaveWay(change, this.#options))
    try {
      const deadlineMs = patience.budgetMs + this.#options.graceMs
      const decision = await within(decide(change, { signal, ...patience }), deadlineMs, timers)
      const isCut = hasGivenWay(signal) && decision.verdict.decision === 'unavailable'
      return isCut ? answerGaveWay(change, this.#options) : answerOf(decision)
    } catch (error) {
      return await this.#undecided(change, error)
    }
  }

  async #undecided(change: Change, cause: unknown): Promise<AdmissionAnswer> {
    const { kind, name, request } = undecided(change)
    const arming = this.#isArming(change)
    const err = new Error(`The gate did not decide on ${kind} ${name}`, { cause })
    if (this.#said.isNew('undecided', kind, name, String(cause))) {
      this.#modules.log.error(
        { err, uid: request.uid, kind, name, arming },
        'a write was not judged; arming ones are refused meanwhile, others pass',
      )
    }
    return await this.#answerUnjudged(undecided(change), answerUndecided(change, arming, this.#options))
  }

  /** Denies it on record, or, where nothing is enforced, lets it pass with a word. */
  async #answerUnjudged(write: UnjudgedWrite, answer: AdmissionAnswer): Promise<AdmissionAnswer> {
    const watched = this.#watched(answer)
    if (watched.status !== undefined) await this.#recorded(write)
    return watched
  }

  /** Where nothing is enforced, a warning in the place of a denial. */
  #watched(answer: AdmissionAnswer): AdmissionAnswer {
    const { status, ...allowed } = answer
    if (status === undefined || this.#options.enforces) return answer
    return { ...allowed, warnings: [...answer.warnings, status.message] }
  }

  /** Whatever becomes of the record, the answer leaves in time. */
  async #recorded(write: UnjudgedWrite): Promise<void> {
    const { denied, timers } = this.#modules
    const { recordMs } = this.#options
    const recording = denied(write, recordMs)
    if (recording) await atMost(recording, recordMs, timers)
  }

  /** Forgetting to decide means refused. */
  #isArming(change: Change): boolean {
    try {
      return this.#modules.isArming(change)
    } catch (err) {
      const cause = err instanceof Error ? err : new Error(String(err))
      if (this.#said.isNew('arming', change.kind, nameOf(change), cause.message)) {
        this.#modules.log.error({ err: cause, uid: change.request.uid }, 'a write counts as arming')
      }
      return true
    }
  }

  async #unreadable(asked: Asked, write: UnreadableWrite): Promise<AdmissionAnswer> {
    const { uid, name, user, dryRun } = asked
    const { kind, operation, problem } = write
    const answer = answerUnreadable(write, name)
    if (this.#said.isNew('unreadable', kind, name, problem, String(answer.status?.code))) {
      this.#modules.log.warn(
        { uid, kind, name, operation, problem, user: user.username, refused: answer.status !== undefined },
        'an object cannot be read; writes to it that could raise danger are refused',
      )
    }
    const request = { uid, actor: user, dryRun, door: 'webhook' } as const
    return await this.#answerUnjudged({ request, kind, name, operation, why: 'unreadable' }, answer)
  }
}

function undecided(change: Change): UnjudgedWrite {
  const { request, kind, operation } = change
  return { request, kind, name: nameOf(change), operation, why: 'undecided' }
}
