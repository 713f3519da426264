import { randomUUID } from 'node:crypto'
import type http from 'node:http'
import { setTimeout } from 'node:timers/promises'
import type { Decide, Decision } from '../../gate/decision.ts'
import type { Status } from '../../gate/status.ts'
import { kinds } from '../../longhorn/kinds.ts'
import type { Parsed } from '../../longhorn/parsed.ts'
import type { Actor, Change, JudgedKind, JudgedObject, Request } from '../../rules/change.ts'
import { decidingMs, type JudgedCall, type Outcome, type OwnAnswer, type ProxyDoor } from '../door.ts'
import { endToEnd, without } from '../headers.ts'
import { readBody } from '../read-body.ts'
import type { Outgoing } from '../relay.ts'
import { bind } from './bind.ts'
import { dryRunOf, type DryRun } from './dry-run.ts'
import { fieldsOf } from './fields-of.ts'
import { changeFrom } from './resulting-change.ts'
import { deniedAnswer, statusAnswer } from './status-answer.ts'
import { writeOf, type Write } from './write.ts'

/** What the operator decides about this door. */
export interface KubernetesDoorOptions {
  readonly longhornNamespace: string
  /** How long a write is held back, in milliseconds, if its client waits that long. */
  readonly holdMs: number
}

/** What this door works with. */
export interface KubernetesDoorModules {
  readonly decide: Decide
  /** Reads past every cache; undefined if there is no such object. @throws when it cannot be read */
  readonly read: (kind: JudgedKind, name: string, signal: AbortSignal) => Promise<JudgedObject | undefined>
  /** Asks the upstream with the rights of whoever asked. @throws RelayFailure */
  readonly ask: (outgoing: Outgoing, signal: AbortSignal) => Promise<http.IncomingMessage>
  /** Who asks, as the API server knows them. Never rejects. */
  readonly whoIs: (headers: readonly string[]) => Promise<Actor>
}

/** So often a write is judged anew because its object changed meanwhile. */
const maxRounds = 10

/** The door before the Kubernetes API. It judges what a write would result in, which the API server itself tells. */
export class KubernetesDoor implements ProxyDoor {
  readonly #options: KubernetesDoorOptions
  readonly #modules: KubernetesDoorModules

  constructor(options: KubernetesDoorOptions, modules: KubernetesDoorModules) {
    this.#options = options
    this.#modules = modules
  }

  judge(method: string, target: string): ((judged: JudgedCall) => Promise<Outcome>) | undefined {
    const write = writeOf(method, target)
    if (write?.namespace !== this.#options.longhornNamespace) return undefined
    return (judged) => this.#judge(write, judged)
  }

  failure(status: number, message: string): OwnAnswer {
    return statusAnswer(status, message)
  }

  async #judge(write: Write, call: JudgedCall): Promise<Outcome> {
    const { request, signal, forward } = call
    const actor = await this.#modules.whoIs(endToEnd(request.rawHeaders))
    const dry = dryRunOf(write, request.url ?? '/', call.body)
    if (!dry)
      return own(statusAnswer(415, `the body of a delete of ${write.kind} must be JSON, to be tried first`))
    const asked = { uid: randomUUID(), actor, dryRun: dry.asked, door: 'proxy-kubernetes' } as const
    const end = performance.now() + this.#options.holdMs
    for (let round = 0; round < maxRounds; round += 1) {
      const tried = await this.#try(write, dry, call)
      if (isHeld(tried) && performance.now() < end) {
        // The guard's own webhook has held it back as long as the API server waits; here is more time.
        await setTimeout(retryMs, undefined, { signal })
        round -= 1
        continue
      }
      // What the API server would not do anyway is its own to say, and in the client's own encoding.
      if (tried.status >= 300) return passed(await forward(dry))
      const found = await this.#changes(write, tried.object, asked, signal)
      if (found.outcome === 'moved') continue
      if (found.outcome === 'unreadable') return own(statusAnswer(403, unreadable(write, found.problem)))
      const began = performance.now()
      const decided = await this.#decide(found.changes, end - began, signal)
      if (decided.denied) return own(deniedAnswer(decided.denied))
      const held = performance.now() - began > promptMs
      const answer = signal.aborted || held ? undefined : await this.#commit(write, dry, call, found.changes)
      await decided.release()
      signal.throwIfAborted()
      // After a hold, or when the object changed meanwhile, it is judged again as it is now.
      if (answer) return { outcome: 'passed', answer, warnings: decided.warnings }
    }
    return own(
      statusAnswer(503, `${write.kind} ${write.name ?? ''} changes faster than it can be judged; try again`),
    )
  }

  /** Asks what would come of it: patches, defaults, conflicts and rights are the API server's to tell. */
  async #try({ method }: Write, { target, body }: DryRun, { request, signal }: JudgedCall): Promise<Tried> {
    const headers = [...without(endToEnd(request.rawHeaders), negotiated), 'Accept', 'application/json']
    const answer = await this.#modules.ask(
      {
        method,
        target,
        headers: [...headers, 'Content-Length', String(body.length)],
        body,
      },
      signal,
    )
    const status = answer.statusCode ?? 502
    const text = (await readBody(answer, maxAnswerBytes)).toString('utf8')
    return { status, text, object: status < 300 ? (JSON.parse(text) as unknown) : undefined }
  }

  async #changes(write: Write, object: unknown, request: Request, signal: AbortSignal): Promise<Found> {
    const { kind, method } = write
    if (method === 'DELETE' && write.name === undefined) {
      const items: unknown = fieldsOf(object)?.items
      return found((Array.isArray(items) ? items : []).map((item) => deleted(kind, item, request)))
    }
    const name = write.name ?? nameIn(object)
    const before = await this.#modules.read(kind, name, signal)
    if (method === 'DELETE') {
      if (!before) return { outcome: 'moved' }
      return found([changeFrom({ kind, before, after: undefined, request })])
    }
    const change = changeFrom({ kind, before, after: object, request })
    // What a dry run answers has the version that it was made on.
    const version = change.ok ? change.value.after?.metadata.resourceVersion : undefined
    const moved = before && change.ok && version !== '' && version !== before.metadata.resourceVersion
    return moved ? { outcome: 'moved' } : found([change])
  }

  /** All or none: what was reserved for the others is taken back. */
  async #decide(changes: readonly Change[], budgetMs: number, signal: AbortSignal): Promise<Decided> {
    const decisions: Decision[] = []
    const release = async (): Promise<void> => {
      for (const decision of decisions) await decision.release?.()
    }
    for (const change of changes) {
      const decision = await this.#modules.decide(change, {
        budgetMs: Math.max(0, budgetMs) + decidingMs,
        signal,
      })
      decisions.push(decision)
      if (decision.answer.allowed) continue
      await release()
      return { denied: decision.answer.status, warnings: [], release }
    }
    return { denied: undefined, warnings: decisions.flatMap(({ answer }) => answer.warnings), release }
  }

  /** @returns undefined if the object is not any more what was judged */
  async #commit(
    { method, name }: Write,
    dry: DryRun,
    { request, body, forward }: JudgedCall,
    [change]: readonly Change[],
  ): Promise<http.IncomingMessage | undefined> {
    if (dry.asked) return await forward(dry)
    const resourceVersion = change?.before?.metadata.resourceVersion
    if (name === undefined || resourceVersion === undefined) return await forward()
    const hasQuery = request.url?.includes('?') ?? false
    const contentType = request.headers['content-type']
    const bound = bind(body, { method, hasQuery, contentType, resourceVersion })
    const answer = await forward({ body: bound.body })
    // A test of a JSON patch that fails is 422; if it was the client's own, the dry run says so next time.
    if (!bound.bound || (answer.statusCode !== 409 && answer.statusCode !== 422)) return answer
    answer.resume()
    return undefined
  }
}

/** What the API server says to the dry run. */
interface Tried {
  readonly status: number
  readonly text: string
  readonly object: unknown
}

/** True for a hold of the other door. */
function isHeld({ status, text }: Tried): boolean {
  return status === 429 && text.includes(webhookName)
}

/** As it is registered. */
const webhookName = 'guard.holdfast.dev'

/** A clean-up drains in 1–5 s (longhorn.md §2). */
const retryMs = 500

/** What a write turns out to be. */
type Found =
  | { readonly outcome: 'changes'; readonly changes: readonly Change[] }
  /** The object has changed since the dry run. */
  | { readonly outcome: 'moved' }
  | { readonly outcome: 'unreadable'; readonly problem: string }

interface Decided {
  readonly denied: Status | undefined
  readonly warnings: readonly string[]
  readonly release: () => Promise<void>
}

/** Of the body and encodings of the client, in the place of which come the proxy's own. */
const negotiated = new Set(['accept', 'accept-encoding', 'content-length'])

/** The largest object etcd takes is 1.5 MiB; a list of what is deleted may have many. */
const maxAnswerBytes = 64 * 1024 * 1024

/** A decision that took no longer was no hold. */
const promptMs = 250

function found(parsed: readonly Parsed<Change>[]): Found {
  const changes: Change[] = []
  for (const each of parsed) {
    if (!each.ok) return { outcome: 'unreadable', problem: each.problem }
    changes.push(each.value)
  }
  return { outcome: 'changes', changes }
}

function deleted(kind: JudgedKind, item: unknown, request: Request): Parsed<Change> {
  const parsed = kinds[kind].parse(item)
  return parsed.ok ? changeFrom({ kind, before: parsed.value, after: undefined, request }) : parsed
}

function nameIn(object: unknown): string {
  const name = fieldsOf(fieldsOf(object)?.metadata)?.name
  return typeof name === 'string' ? name : ''
}

function unreadable({ kind, name = '' }: Write, problem: string): string {
  return `Holdfast cannot read what this write to ${kind} ${name} would result in (${problem}), so it cannot be told whether it is safe`
}

function own(answer: OwnAnswer): Outcome {
  return { outcome: 'own', answer }
}

function passed(answer: http.IncomingMessage): Outcome {
  return { outcome: 'passed', answer, warnings: [] }
}
