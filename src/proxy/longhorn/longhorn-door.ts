import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Decide, Decision } from '../../gate/decision.ts'
import type { UnjudgedWrite } from '../../gate/ports.ts'
import type { BackingImage } from '../../longhorn/backing-image.ts'
import type { Node } from '../../longhorn/node.ts'
import type { Actor, Request } from '../../rules/change.ts'
import { isCure } from '../cure.ts'
import { decidingMs, type JudgedCall, type Outcome, type ProxyDoor } from '../door.ts'
import { forwarded } from '../forwarded.ts'
import { unjudged, type UnjudgedModules } from '../unjudged.ts'
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
export interface LonghornDoorModules extends UnjudgedModules {
  readonly decide: Decide
  /** Reads past every cache; undefined if there is no such object. @throws when it cannot be read */
  readonly read: (
    kind: 'Node' | 'BackingImage',
    name: string,
    signal: AbortSignal,
  ) => Promise<Node | BackingImage | undefined>
  /** The object as the disk map has it; undefined if that does not know it. */
  readonly known: (kind: 'Node' | 'BackingImage', name: string) => Node | BackingImage | undefined
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
    const asked: Request = {
      uid: randomUUID(),
      actor: this.#actor(request),
      dryRun: false,
      door: 'proxy-longhorn',
    }
    const denied = (why: UnjudgedWrite['why'], status: number, message: string): Promise<Outcome> =>
      unjudged(this.#modules, { ...writeOf(call, asked), why }, errorAnswer(status, message), forward)
    try {
      const fields = fieldsIn(call, body)
      if (isHarmless(call, fields)) return passed(await forward())
      const decision = await this.#decide(call, fields, asked, signal)
      if (decision?.answer.allowed === false) return refusal(decision.answer.status.message)
      // Who went away while it was held asks for nothing any more.
      if (signal.aborted) await decision?.release?.()
      signal.throwIfAborted()
      // Without an object Longhorn says by itself that there is none.
      return passed(await forwarded(forward, decision?.release))
    } catch (error) {
      if (error instanceof BadBody) return await denied('unreadable', 400, error.message)
      if (!(error instanceof CannotRead)) throw error
      return error.isCure ? passed(await forward()) : await denied('undecided', 500, error.message)
    }
  }

  /**
   * Longhorn writes on whatever version there is, so what was judged is read again once it is reserved; if it looks
   * different by then, it is judged again as it is now.
   *
   * @returns undefined if there is no such object
   */
  async #decide(
    call: Call,
    fields: Fields,
    asked: Request,
    signal: AbortSignal,
  ): Promise<Decision | undefined> {
    const end = performance.now() + this.#options.holdMs
    for (let round = 0; round < maxRounds; round += 1) {
      const before = await this.#read(call, fields, asked, signal)
      if (!before) return undefined
      const budgetMs = Math.max(0, end - performance.now()) + decidingMs
      const decision = await this.#modules.decide(changeOf(call, before, fields, asked), { budgetMs, signal })
      if (!decision.answer.allowed || !decision.release) return decision
      try {
        const now = await this.#read(call, fields, asked, signal)
        if (now?.metadata.resourceVersion === before.metadata.resourceVersion) return decision
      } catch (error) {
        await decision.release()
        throw error
      }
      await decision.release()
    }
    throw new CannotRead(`${call.kind} ${call.name} changes faster than it can be judged; try again`, false)
  }

  /** @throws CannotRead, or the signal's reason */
  async #read(call: Call, fields: Fields, asked: Request, signal: AbortSignal) {
    const { read, known } = this.#modules
    try {
      return await read(call.kind, call.name, signal)
    } catch (cause) {
      signal.throwIfAborted()
      const last = known(call.kind, call.name)
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new CannotRead(
        `${call.kind} ${call.name} cannot be read, so it cannot be told whether this is safe: ${why}`,
        last !== undefined && isCure(changeOf(call, last, fields, asked)),
        cause,
      )
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

/** So often a write is judged anew because its object changed meanwhile. */
const maxRounds = 10

/** Thrown when it cannot be known what a write would do to its object. */
class CannotRead extends Error {
  /** True if it can do nothing but good all the same. */
  readonly isCure: boolean

  constructor(message: string, cure: boolean, cause?: unknown) {
    super(message, { cause })
    this.isCure = cure
  }
}

/** @throws BadBody */
function fieldsIn({ call }: Call, body: Buffer): Fields {
  const read = readFields(body)
  if (!read.ok) throw new BadBody(call, read.problem)
  return read.fields
}

function writeOf({ call, kind, name }: Call, request: Request): Omit<UnjudgedWrite, 'why'> {
  const deletes = call === 'node-delete' || call === 'image-delete'
  return { request, kind, name, operation: deletes ? 'DELETE' : 'UPDATE' }
}

/** Longhorn answers everything that goes wrong with 500; its UI shows the message (longhorn.md §5). */
function refusal(message: string): Outcome {
  return { outcome: 'own', answer: errorAnswer(500, message) }
}

function passed(answer: IncomingMessage): Outcome {
  return { outcome: 'passed', answer, warnings: [] }
}
