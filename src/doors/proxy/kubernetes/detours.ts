import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { UnjudgedWrite } from '../../../gate/ports.ts'
import type { JudgedKind, Request } from '../../../rules/change.ts'
import type { CallOutcome, JudgedCall, OwnAnswer } from '../door.ts'
import { endToEnd } from '../headers.ts'
import { BadBody, readSaid } from '../longhorn/body.ts'
import { type Call, operationOf } from '../longhorn/call.ts'
import { changeOf, isHarmless } from '../longhorn/change.ts'
import { onlyClearsFlags, onlyWatched, unjudged, type UnjudgedModules } from '../unjudged.ts'
import { ambiguity, isAmbiguous, meantBy } from './bind.ts'
import type { DryRunnerModules } from './dry-run.ts'
import { type Caller, callThrough } from './who-is.ts'
import { operationBy, statusAnswer, unauthorized } from './write.ts'

/** The parts that rejecting requests needs. */
export interface DetourModules extends UnjudgedModules, Pick<DryRunnerModules, 'known'> {
  /** The user, as the API server knows it. Never rejects. */
  readonly whoIs: (headers: readonly string[]) => Promise<Caller>
}

/**
 * Paths to Longhorn's objects on which a write cannot be judged: a path that servers read differently, and
 * Longhorn's own REST API.
 */
export class Detours {
  readonly #longhornNamespace: string
  readonly #modules: DetourModules

  constructor(longhornNamespace: string, modules: DetourModules) {
    this.#longhornNamespace = longhornNamespace
    this.#modules = modules
  }

  /** The answer to such a request; undefined for every other. */
  judge(method: string, target: string): ((judged: JudgedCall) => Promise<CallOutcome>) | undefined {
    if (isAmbiguous(method, target)) return (judged) => this.#ambiguous(method, target, judged)
    const call = callThrough(method, target, this.#longhornNamespace)
    return call && ((judged) => this.#through(call, judged))
  }

  async #ambiguous(method: string, target: string, { request, forward }: JudgedCall): Promise<CallOutcome> {
    const answer = statusAnswer(400, ambiguity)
    if (!this.#modules.enforces) return await onlyWatched(ambiguity, forward)
    const meant = meantBy(method, target, this.#longhornNamespace)
    if (!meant) return { outcome: 'own', answer }
    const asked = await this.#asked(request)
    if ('refused' in asked) return { outcome: 'own', answer: asked.refused }
    const { kind, name = '' } = meant
    const write = { kind, name, operation: operationBy(meant.method), why: 'unreadable' } as const
    return await unjudged(
      this.#modules,
      { ...write, request: asked },
      { answer, message: ambiguity },
      forward,
    )
  }

  /** A write that only clears flags passes, as it does everywhere (longhorn.md §2). @throws RelayFailure */
  async #through(call: Call, { request, body, forward }: JudgedCall): Promise<CallOutcome> {
    if (!this.#modules.enforces) return await onlyWatched(notThrough(call), forward)
    const asked = await this.#asked(request)
    if ('refused' in asked) return { outcome: 'own', answer: asked.refused }
    const { kind, name } = call
    const denied = (why: UnjudgedWrite['why'], status: number, message: string): Promise<CallOutcome> => {
      const write = { request: asked, kind, name, operation: operationOf(call), why }
      return unjudged(this.#modules, write, { answer: statusAnswer(status, message), message }, forward)
    }
    try {
      const { fields, body: said } = readSaid(call, body)
      const last = this.#known(kind, name)
      if (isHarmless(call, fields) || (last && onlyClearsFlags(changeOf(call, last, fields, asked))))
        return { outcome: 'passed', answer: await forward(said && { body: said }), warnings: [] }
      return await denied('undecided', 403, notThrough(call))
    } catch (error) {
      if (error instanceof BadBody) return await denied('unreadable', error.status, error.message)
      throw error
    }
  }

  #known(kind: JudgedKind, name: string) {
    const last = this.#modules.known(kind, name)
    return last?.kind === 'BackingImageDataSource' ? undefined : last
  }

  /** For a client that the API server does not accept, nothing is parsed or recorded. */
  async #asked({ rawHeaders }: IncomingMessage): Promise<Request | { readonly refused: OwnAnswer }> {
    const { is, actor } = await this.#modules.whoIs(endToEnd(rawHeaders))
    if (is === 'stranger') return { refused: unauthorized }
    if (is === 'untold') return { refused: statusAnswer(503, userUnknown) }
    return { uid: randomUUID(), actor, dryRun: false, door: 'proxy-kubernetes' }
  }
}

const userUnknown =
  'The API server does not say which user sent this request, so Holdfast does not read it. Try again'

function notThrough({ call, kind, name }: Call): string {
  return `Holdfast does not judge Longhorn's REST API through the API server, so it does not forward this ${call} of ${kind} ${name}. Write the object itself with kubectl, or use holdfast proxy longhorn`
}
