import type { Decide, DecideAtOnce, Outcome, WaitBudget } from '../../gate/ports.ts'
import type { Parsed } from '../../json/schema.ts'
import type { Change } from '../../rules/change.ts'
import { isLonghorn } from '../../rules/policy.ts'
import {
  type AdmissionAnswer,
  type AdmissionRequest,
  admissionReview,
  answerOf,
  metadataText,
  objectName,
  parseAdmissionReview,
  uidOf,
} from './admission-review.ts'
import {
  decidedWithin,
  defaultWaitingLimits,
  hasGivenWay,
  parseTimeout,
  type ReviewWeight,
  type WaitingLimits,
  WaitingReviews,
} from './waiting-reviews.ts'
import { type DoorAnswerModules, type DoorAnswerOptions, DoorAnswers } from './door-answers.ts'
import type { HttpProblem } from './http-errors.ts'
import { KnownTexts } from './known-texts.ts'
import { normalise, type Normalised } from './normalise.ts'
import type { RepeatedRefusals, Waiting } from './repeated-refusals.ts'
import { answerGaveWay, answerMalformed, answerNotJudged, answerUnread } from './unjudged.ts'

/** Options of reviewing. */
export interface ReviewOptions extends DoorAnswerOptions, WaitingLimits {
  /**
   * Subtracted from the API server's timeout, in milliseconds: that is rounded up to a second, and the answer
   * needs time to arrive.
   */
  readonly marginMs: number
  /** How much longer than its budget the gate may take before the door answers instead, in milliseconds. */
  readonly graceMs: number
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

/** The parts of reviewing. */
export interface ReviewModules extends DoorAnswerModules {
  readonly decide: Decide
  /** See {@link DecideAtOnce}; without it every change is decided as one that may have to wait. */
  readonly decideAtOnce?: DecideAtOnce
  /**
   * Delays the answers to repeated denials of Longhorn’s own account; without it, every answer leaves at
   * once.
   */
  readonly repeated?: RepeatedRefusals
  /** Called with each review that gave way, since others need its memory. */
  readonly gaveWay?: () => void
}

/**
 * The kept part of a review during its decision: a hold lasts for seconds, and an object can have megabytes.
 */
interface Kept extends Omit<AdmissionRequest, 'object' | 'oldObject' | 'subResource'> {
  /** The resourceVersion of the stored object. */
  readonly version: string
  readonly normalised: Normalised
}

/** A review whose text has come before, but for its uid: what was read from it then. */
class KnownReview {
  readonly asked: Kept

  constructor(asked: Kept) {
    this.asked = asked
  }
}

/** What a review weighs while it waits, and the text of its body. */
interface Came extends ReviewWeight {
  readonly text?: string | undefined
}

/** The body of an answer. */
export type ReviewAnswer = ReturnType<typeof admissionReview>

function withUid(asked: Kept, uid: string): Kept {
  const { normalised } = asked
  if (normalised.outcome !== 'change') return { ...asked, uid }
  const { change } = normalised
  const again = { ...change, request: { ...change.request, uid } }
  return { ...asked, uid, normalised: { outcome: 'change', change: again } }
}

/** Reviews the API server's requests. It always answers, whatever the gate does. */
export class Reviewer {
  readonly #options: ReviewOptions
  readonly #modules: ReviewModules
  readonly #door: DoorAnswers
  readonly #waiting: WaitingReviews
  /** Of denials that were given again. */
  readonly #texts = new KnownTexts<Kept>()

  constructor(options: ReviewOptions, modules: ReviewModules) {
    this.#options = options
    this.#modules = modules
    this.#door = new DoorAnswers(options, modules)
    this.#waiting = new WaitingReviews(options, modules.gaveWay)
  }

  /**
   * Answers one review.
   *
   * @param body untrusted JSON, or a {@link known} review
   * @param timeout the query parameter of this name
   * @param whileAwaited a signal that aborts when the client has gone; most reviews are answered before they need one
   * @param came its share of memory while it waits
   * @returns a problem if not even its uid can be read
   */
  review(
    body: unknown,
    timeout: unknown,
    whileAwaited: () => AbortSignal,
    { text, bytes, peer }: Came = { bytes: 0, peer: '' },
  ): Parsed<ReviewAnswer> | Promise<Parsed<ReviewAnswer>> {
    const isKnown = body instanceof KnownReview
    const asked = isKnown ? body.asked : this.#read(body, text?.length)
    if ('ok' in asked) return asked
    const change = this.#judged(asked)
    const decided = change && this.#decidedAtOnce(change)
    if (decided && 'answer' in decided && decided.answer.allowed)
      return { ok: true, value: admissionReview(asked.uid, answerOf(decided)) }
    if (decided) {
      if (!isKnown && text !== undefined) this.#texts.keep(text, asked.uid, asked)
      const answer = 'answer' in decided ? answerOf(decided) : this.#recorded(change, decided)
      return this.#deniedAgain(asked, answer, timeout, whileAwaited)
    }
    return this.#waiting.during({ bytes, peer }, whileAwaited(), (waiting) =>
      this.#reviewed(asked, timeout, waiting),
    )
  }

  /** The review with this text, if it is a denial that was given again. It is judged anew, but not read. */
  known(text: string): KnownReview | undefined {
    const known = this.#texts.size > 0 ? this.#texts.find(text) : undefined
    return known && new KnownReview(withUid(known.value, known.uid))
  }

  /** @param length of its text @returns the answer to a review that cannot be read, or a problem */
  #read(body: unknown, length: number | undefined): Kept | Parsed<ReviewAnswer> {
    const parsed = parseAdmissionReview(body)
    if (!parsed.ok) {
      const uid = uidOf(body)
      if (uid === undefined) return parsed
      const answer = this.#door.watched(answerMalformed(parsed.problem))
      return { ok: true, value: admissionReview(uid, answer) }
    }
    const { uid, resource, namespace, operation, user, dryRun, oldObject } = parsed.value
    const name = objectName(parsed.value)
    const version = metadataText(oldObject, 'resourceVersion')
    const normalised = normalise(parsed.value, length)
    return { uid, resource, name, namespace, operation, user, dryRun, version, normalised }
  }

  /** Answers a review of which only the uid was read. @param problem why the rest was not */
  unread(uid: string, problem: HttpProblem): ReviewAnswer {
    return admissionReview(uid, this.#door.watched(answerUnread(problem)))
  }

  /** The change that the gate decides about, if it is one. */
  #judged({ namespace, normalised }: Kept): Change | undefined {
    return normalised.outcome === 'change' && this.#follows(namespace) ? normalised.change : undefined
  }

  /** A change that raises no danger, or was just denied, needs no place, no budget and no timer. */
  #decidedAtOnce(change: Change): ReturnType<DecideAtOnce> {
    try {
      return this.#modules.decideAtOnce?.(change)
    } catch {
      // It fails in `decide` too, where that is answered for.
      return undefined
    }
  }

  /** A denial that waits for its record. It leaves in time, whatever happens to that. */
  async #recorded(change: Change, decided: Promise<Outcome>): Promise<AdmissionAnswer> {
    const { recordMs, graceMs } = this.#options
    try {
      return answerOf(await decidedWithin(decided, recordMs + graceMs, this.#modules.timers))
    } catch (error) {
      return await this.#door.undecided(change, error)
    }
  }

  async #deniedAgain(
    request: Kept,
    denied: AdmissionAnswer | Promise<AdmissionAnswer>,
    timeout: unknown,
    whileAwaited: () => AbortSignal,
  ): Promise<Parsed<ReviewAnswer>> {
    const answer = await denied
    const waiting = (): Waiting => {
      const until = (this.#modules.repeated?.now() ?? 0) + this.#budget(parseTimeout(timeout))
      return { until, signal: whileAwaited() }
    }
    await this.#putOff(request, answer, waiting)
    return { ok: true, value: admissionReview(request.uid, answer) }
  }

  async #reviewed(
    request: Kept,
    timeout: unknown,
    waiting: Omit<WaitBudget, 'budgetMs'>,
  ): Promise<Parsed<ReviewAnswer>> {
    const timeoutMs = parseTimeout(timeout)
    const until = (this.#modules.repeated?.now() ?? 0) + this.#budget(timeoutMs)
    const answer = await this.#answer(request, timeoutMs, waiting)
    await this.#putOff(request, answer, () => ({ until, signal: waiting.signal }))
    return { ok: true, value: admissionReview(request.uid, answer) }
  }

  async #answer(
    request: Kept,
    timeoutMs: number,
    waiting: Omit<WaitBudget, 'budgetMs'>,
  ): Promise<AdmissionAnswer> {
    const { normalised } = request
    if (!this.#follows(request.namespace)) {
      if (normalised.outcome === 'change') return await this.#door.elsewhere(request, normalised.change)
      if (normalised.outcome === 'unreadable') return await this.#door.elsewhere(request, normalised.write)
    }
    switch (normalised.outcome) {
      case 'change':
        return await this.#decide(normalised.change, { budgetMs: this.#budget(timeoutMs), ...waiting })
      case 'unreadable':
        return await this.#door.unreadable(request, normalised.write)
      case 'not-judged':
        return answerNotJudged(normalised.what)
      case 'malformed':
        return this.#door.watched(answerMalformed(normalised.problem))
    }
  }

  /** A review that names no namespace is about Longhorn's: that of a check of a file, for example. */
  #follows(namespace: string): boolean {
    return namespace === '' || namespace === this.#options.longhornNamespace
  }

  /** A dry run changes nothing, so it does not count either. */
  #isRepeatedLater({ user, dryRun }: Kept): boolean {
    return !dryRun && isLonghorn(user, this.#options.longhornNamespace)
  }

  async #putOff(
    request: Kept,
    { status, auditAnnotations }: AdmissionAnswer,
    waiting: () => Waiting,
  ): Promise<void> {
    if (!status || !this.#isRepeatedLater(request)) return
    const { name, operation, version } = request
    const { resource: kind } = request.resource
    const verdict = JSON.stringify([status.code, auditAnnotations])
    await this.#modules.repeated?.putOff({ kind, name, operation, version, verdict }, waiting)
  }

  /** Half of a short time is left for the decision, which asks the cluster too. */
  #budget(timeoutMs: number): number {
    return timeoutMs - Math.min(this.#options.marginMs, timeoutMs / 2)
  }

  async #decide(change: Change, asked: WaitBudget): Promise<AdmissionAnswer> {
    const { decide, timers } = this.#modules
    const { signal, ...budget } = this.#waiting.bounded(asked)
    // Without I/O it takes no place and no read. A harmless change is decided without either.
    const gaveWay = hasGivenWay(signal) ? await this.#door.gaveWay(change) : undefined
    if (gaveWay) return gaveWay
    try {
      const deadlineMs = budget.budgetMs + this.#options.graceMs
      const decision = await decidedWithin(decide(change, { signal, ...budget }), deadlineMs, timers)
      const isCut = hasGivenWay(signal) && decision.verdict.decision === 'unavailable'
      return isCut ? answerGaveWay(change, this.#options) : answerOf(decision)
    } catch (error) {
      return await this.#door.undecided(change, error)
    }
  }
}
