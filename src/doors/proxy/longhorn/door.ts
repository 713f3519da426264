import { randomUUID } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Decide, Outcome as GateOutcome, UnjudgedWrite } from '../../../gate/ports.ts'
import type { BackingImage } from '../../../longhorn/backing-image.ts'
import type { Node } from '../../../longhorn/node.ts'
import type { Actor, Request } from '../../../rules/change.ts'
import { peerAddress, plainText } from '../../../text/plain-text.ts'
import {
  type CallOutcome,
  decidingMs,
  type JudgedCall,
  maxLate,
  type OwnAnswer,
  type ProxyDoor,
} from '../door.ts'
import { forwardThenRelease } from '../judged-request.ts'
import { tooLate } from '../relay-failure.ts'
import { onlyClearsFlags, judgedOrNot, undecided, unjudged, type UnjudgedModules } from '../unjudged.ts'
import { BadBody, type Fields, readSaid } from './body.ts'
import { type Call, callOf, operationOf } from './call.ts'
import { changeOf, isHarmless } from './change.ts'

/** The options of this door. */
interface LonghornDoorOptions {
  /** How long it holds a write, in milliseconds, if its client waits that long. */
  readonly holdMs: number
  /**
   * The header in which an authenticating proxy before this one names the person, in lower case. It is safe
   * only if every client comes through that proxy.
   */
  readonly userHeader: string | undefined
}

/** The parts of this door. */
export interface LonghornDoorModules extends UnjudgedModules {
  readonly decide: Decide
  /** Reads past every cache; undefined if the object does not exist. @throws if it cannot be read */
  readonly read: (
    kind: 'Node' | 'BackingImage',
    name: string,
    signal: AbortSignal,
  ) => Promise<Node | BackingImage | undefined>
  /** The object in the disk map; undefined if it has none. */
  readonly known: (kind: 'Node' | 'BackingImage', name: string) => Node | BackingImage | undefined
}

/**
 * The door before Longhorn's REST API. It sees a person's own request, before that becomes one of many writes
 * of Longhorn's service account (longhorn.md §3).
 */
export class LonghornDoor implements ProxyDoor {
  readonly #options: LonghornDoorOptions
  readonly #modules: LonghornDoorModules

  constructor(options: LonghornDoorOptions, modules: LonghornDoorModules) {
    this.#options = options
    this.#modules = modules
  }

  judge(method: string, target: string): ((judged: JudgedCall) => Promise<CallOutcome>) | undefined {
    const call = callOf(method, target)
    return call && ((judged) => this.#judge(call, judged))
  }

  get watches(): boolean {
    return !this.#modules.enforces
  }

  failure(status: number, message: string) {
    return errorAnswer(status, message)
  }

  async #judge(call: Call, judged: JudgedCall): Promise<CallOutcome> {
    const actor = this.#actor(judged.request)
    const asked: Request = { uid: randomUUID(), actor, dryRun: false, door: 'proxy-longhorn' }
    const answer = errorAnswer(500, undecided)
    return await judgedOrNot(this.#modules, writeOf(call, asked), judged, answer, () =>
      this.#decideAndPass(call, asked, judged),
    )
  }

  async #decideAndPass(
    call: Call,
    asked: Request,
    { body, signal, forward }: JudgedCall,
  ): Promise<CallOutcome> {
    const denied = (why: UnjudgedWrite['why'], status: number, message: string): Promise<CallOutcome> =>
      unjudged(
        this.#modules,
        { ...writeOf(call, asked), why },
        { answer: errorAnswer(status, message), message },
        forward,
      )
    try {
      const { fields, body: said } = readSaid(call, body)
      const pass = (isLate?: () => boolean) => forward(said && { body: said }, isLate)
      if (isHarmless(call, fields)) {
        void this.#note(call, fields, asked, signal)
        return passed(await pass())
      }
      const decision = await this.#decide(call, fields, asked, signal)
      if (decision === 'clears-flags') return passed(await pass())
      if (decision?.answer.allowed === false) return refusal(decision.answer.status.message)
      // A client that went away during the hold wants nothing any longer.
      if (signal.aborted) await decision?.release?.()
      signal.throwIfAborted()
      // Longhorn itself answers for a missing object.
      return passed(await forwardThenRelease(pass, decision ?? {}, said?.toString()))
    } catch (error) {
      if (error instanceof BadBody) return await denied('unreadable', error.status, error.message)
      if (!(error instanceof CannotRead)) throw error
      return await denied('undecided', 500, error.message)
    }
  }

  /**
   * Longhorn writes on the current version, whatever it is. So the object is read again after the
   * reservation, and judged again if it looks different.
   *
   * @returns undefined if the object does not exist; `clears-flags` if it cannot be read, but the write only clears
   *   flags
   * @throws RelayFailure if reading takes too long each time
   */
  async #decide(
    call: Call,
    fields: Fields,
    asked: Request,
    signal: AbortSignal,
  ): Promise<GateOutcome | 'clears-flags' | undefined> {
    const end = performance.now() + this.#options.holdMs
    let late = 0
    for (let round = 0; round < maxRounds; round += 1) {
      const before = await this.#read(call, signal)
      if (before instanceof CannotRead) {
        signal.throwIfAborted()
        const last = this.#modules.known(call.kind, call.name)
        if (last && onlyClearsFlags(changeOf(call, last, fields, asked))) return 'clears-flags'
        throw before
      }
      if (!before) return undefined
      const budgetMs = Math.max(0, end - performance.now()) + decidingMs
      const decision = await this.#modules.decide(changeOf(call, before, fields, asked), { budgetMs, signal })
      if (!decision.answer.allowed || !decision.release) return decision
      const now = await this.#read(call, signal)
      const isRead = !(now instanceof CannotRead)
      const isStill = isRead && now?.metadata.resourceVersion === before.metadata.resourceVersion
      const isLate = decision.isLate?.() ?? false
      if (isStill && !isLate) return decision
      await decision.release()
      signal.throwIfAborted()
      if (!isRead) throw now
      if (isLate && ++late === maxLate) throw tooLate()
    }
    throw new CannotRead(`${call.kind} ${call.name} changes faster than it can be judged; try again`)
  }

  /**
   * Records the marks that a clear leaves behind. No request waits for it: clearing flags is never stopped
   * (longhorn.md §2). Never rejects.
   */
  async #note(call: Call, fields: Fields, asked: Request, signal: AbortSignal): Promise<void> {
    const { known, decide, onProblem } = this.#modules
    const last = known(call.kind, call.name)
    if (!last) return
    try {
      await decide(changeOf(call, last, fields, asked), { budgetMs: 0, signal })
    } catch (error) {
      // Longhorn itself answers for a body that it cannot read. It is no bug, and any client can repeat it.
      if (!(error instanceof BadBody)) onProblem(error)
    }
  }

  /** Past every cache. */
  async #read(
    { kind, name }: Call,
    signal: AbortSignal,
  ): Promise<Node | BackingImage | undefined | CannotRead> {
    try {
      return await this.#modules.read(kind, name, signal)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      return new CannotRead(
        `${kind} ${name} cannot be read, so Holdfast cannot tell whether this is safe: ${why}`,
        cause,
      )
    }
  }

  #actor({ headers, socket }: IncomingMessage): Actor {
    const { userHeader } = this.#options
    const named = userHeader === undefined ? undefined : headers[userHeader]
    const username =
      typeof named === 'string' && named !== ''
        ? // Some rules exempt components of the cluster, and none of them comes through a page for people.
          named.replace(/^system:/, 'header:system:')
        : `anonymous at ${peerAddress(socket.remoteAddress) ?? 'an unknown address'}`
    return { username, groups: [] }
  }
}

/** How often a write is judged again because its object changed meanwhile. */
const maxRounds = 10

/** Thrown if the effect of a write on its object is unknown. */
class CannotRead extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
  }
}

function writeOf(call: Call, request: Request): Omit<UnjudgedWrite, 'why'> {
  return { request, kind: call.kind, name: call.name, operation: operationOf(call) }
}

/** Longhorn answers every failure with 500; its UI shows the message (longhorn.md §5). */
function refusal(message: string): CallOutcome {
  return { outcome: 'own', answer: errorAnswer(500, message) }
}

function passed(answer: IncomingMessage): CallOutcome {
  return { outcome: 'passed', answer, warnings: [] }
}

/**
 * An error as Longhorn's REST API writes it; its UI shows `message` (longhorn.md §5). Characters that act on
 * a screen are removed.
 */
export function errorAnswer(status: number, message: string): OwnAnswer {
  const code = STATUS_CODES[status] ?? 'Error'
  const body = {
    type: 'error',
    links: {},
    actions: {},
    status,
    code,
    message: plainText(message),
    detail: '',
  }
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: `${JSON.stringify(body)}\n`,
  }
}
