import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Decide, Decision } from '../../gate/decision.ts'
import type { BackingImage } from '../../longhorn/backing-image.ts'
import type { Node } from '../../longhorn/node.ts'
import type { Actor, Change } from '../../rules/change.ts'
import { decidingMs, type JudgedCall, type Outcome, type ProxyDoor } from '../door.ts'
import { callOf, type Call } from './call.ts'
import { BadBody, changeOf, isHarmless } from './change.ts'
import { errorAnswer } from './error-answer.ts'
import { readFields, type Fields } from './fields.ts'

/** What the operator decides about this door. */
export interface LonghornDoorOptions {
  /** How long a write is held back, in milliseconds, if its client waits that long. */
  readonly holdMs: number
  /**
   * The header in which an authenticating proxy before this one names the person, in lower case. To be set only if
   * nobody can reach this one around that.
   */
  readonly userHeader: string | undefined
}

/** What this door works with. */
export interface LonghornDoorModules {
  readonly decide: Decide
  /** Reads past every cache; undefined if there is no such object. @throws when it cannot be read */
  readonly read: (
    kind: 'Node' | 'BackingImage',
    name: string,
    signal: AbortSignal,
  ) => Promise<Node | BackingImage | undefined>
}

/**
 * The door before Longhorn's REST API, where a person's own request is seen, before it becomes one of many writes of
 * Longhorn's service account (longhorn.md §3).
 */
export class LonghornDoor implements ProxyDoor {
  readonly #options: LonghornDoorOptions
  readonly #modules: LonghornDoorModules

  constructor(options: LonghornDoorOptions, modules: LonghornDoorModules) {
    this.#options = options
    this.#modules = modules
  }

  judge(method: string, target: string): ((judged: JudgedCall) => Promise<Outcome>) | undefined {
    const call = callOf(method, target)
    return call && ((judged) => this.#judge(call, judged))
  }

  failure(status: number, message: string) {
    return errorAnswer(status, message)
  }

  async #judge(call: Call, { request, body, signal, forward }: JudgedCall): Promise<Outcome> {
    const read = readFields(body)
    if (!read.ok) return refusal(400, new BadBody(call.call, read.problem).message)
    if (isHarmless(call, read.fields)) return { outcome: 'passed', answer: await forward(), warnings: [] }
    let decision: Decision | undefined
    try {
      decision = await this.#decide(call, read.fields, request, signal)
    } catch (error) {
      if (error instanceof BadBody) return refusal(400, error.message)
      const why = error instanceof Error ? error.message : String(error)
      return refusal(
        500,
        `${call.kind} ${call.name} cannot be read, so it cannot be told whether this is safe: ${why}`,
      )
    }
    if (decision?.answer.allowed === false) return refusal(500, decision.answer.status.message)
    // Who went away while it was held asks for nothing any more.
    if (signal.aborted) await decision?.release?.()
    signal.throwIfAborted()
    // Without an object Longhorn says by itself that there is none.
    const answer = await forward()
    await decision?.release?.()
    return { outcome: 'passed', answer, warnings: [] }
  }

  /** After a hold the object may look different, and is judged again as it is now. */
  async #decide(
    call: Call,
    fields: Fields,
    request: IncomingMessage,
    signal: AbortSignal,
  ): Promise<Decision | undefined> {
    const asked = {
      uid: randomUUID(),
      actor: this.#actor(request),
      dryRun: false,
      door: 'proxy-longhorn',
    } as const
    const end = performance.now() + this.#options.holdMs
    let change: Change | undefined
    let decision: Decision | undefined
    for (;;) {
      const before = await this.#modules.read(call.kind, call.name, signal)
      const same = before?.metadata.resourceVersion === change?.before?.metadata.resourceVersion
      if (before && decision && same) return decision
      await decision?.release?.()
      if (!before) return undefined
      change = changeOf(call, before, fields, asked)
      const began = performance.now()
      decision = await this.#modules.decide(change, {
        budgetMs: Math.max(0, end - began) + decidingMs,
        signal,
      })
      if (!decision.answer.allowed || performance.now() - began < promptMs) return decision
    }
  }

  #actor({ headers, socket }: IncomingMessage): Actor {
    const { userHeader } = this.#options
    const named = userHeader === undefined ? undefined : headers[userHeader]
    const username =
      typeof named === 'string' && named !== ''
        ? named
        : `anonymous at ${socket.remoteAddress ?? 'an unknown address'}`
    return { username, groups: [] }
  }
}

/** A decision that took no longer was no hold. */
const promptMs = 250

function refusal(status: number, message: string): Outcome {
  return { outcome: 'own', answer: errorAnswer(status, message) }
}
