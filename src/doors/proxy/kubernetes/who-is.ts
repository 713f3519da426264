import { createHash } from 'node:crypto'
import type http from 'node:http'
import { LRUCache } from 'lru-cache'
import { Type } from 'typebox'
import { absent, parser } from '../../../json/schema.ts'
import type { Actor } from '../../../rules/change.ts'
import { cut, longestText } from '../../../text/plain-text.ts'
import { readAnswer } from '../../http/body.ts'
import { type Call, callAt } from '../longhorn/call.ts'
import type { Outgoing } from '../relay.ts'
import { segmentsOf, targetOf } from '../target.ts'

const parseReview = parser(
  Type.Object({
    status: Type.Object({
      userInfo: Type.Object({ username: absent(Type.String()), groups: absent(Type.Array(Type.String())) }),
    }),
  }),
  ({ status: { userInfo } }): Actor => ({ username: userInfo.username ?? '', groups: userInfo.groups ?? [] }),
)

/** What says who asks: the proof itself, and whom one asks for. */
const identity = /^(authorization|impersonate-.*)$/i

/** Why a caller has no name: the API server does not accept it, does not name it, or could not be asked. */
export type Unknown = 'stranger' | 'nameless' | 'untold'

/** What the API server says of whoever asks. */
export type Caller =
  | { readonly is: 'known'; readonly actor: Actor }
  /** Whoever this is may still be somebody, but for a stranger: `stranger` has proved nothing. */
  | { readonly is: Unknown; readonly actor: Actor }

/** What finding out works with. */
interface WhoIsModules {
  /** @throws RelayFailure */
  readonly ask: (outgoing: Outgoing, signal: AbortSignal) => Promise<http.IncomingMessage>
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** Told of each caller without a name. @param error absent where that was found out a moment ago */
  readonly onUnknown: (why: Unknown, error: unknown) => void
}

/**
 * How long an answer counts, in milliseconds. A token may be revoked meanwhile, which the API server itself may not notice
 * for twice as long (kubernetes.md, Who asks), and one that was refused may have become valid.
 */
const rememberMs = 5_000

/** An API server that could not be asked may be well again a moment later, in milliseconds. */
const rememberUntoldMs = 1_000

/** A name in the audit is worth no more. */
const timeoutMs = 5_000

/** So many callers at most are remembered, and as many strangers: these cannot push the others out. */
const maxCallers = 1_000

/** In characters: somebody may be in very many groups. */
const maxKept = 4 * 1024 * 1024

const nobody: Actor = { username: 'unknown', groups: [] }

/** Finds out who asks, as the API server knows them: only it can tell whose token that is (SelfSubjectReview). */
export class WhoIs {
  readonly #modules: WhoIsModules
  /** By a digest of their proof: tokens are not kept. */
  readonly #known: LRUCache<string, Caller>
  readonly #unknown: LRUCache<string, Caller>
  /** Who asks many times at once is asked about once. */
  readonly #asking = new Map<string, Promise<Caller>>()

  constructor(modules: WhoIsModules) {
    this.#modules = modules
    const common = { max: maxCallers, ttl: rememberMs, ttlResolution: 0, perf: { now: modules.now } }
    this.#known = new LRUCache({
      ...common,
      maxSize: maxKept,
      sizeCalculation: ({ actor }: Caller) => JSON.stringify(actor).length,
    })
    this.#unknown = new LRUCache(common)
  }

  /** @param headers of the request, name and value in turn. Never rejects. */
  async find(headers: readonly string[]): Promise<Caller> {
    const proof = headers.filter((_, at) => identity.test(headers[at - (at % 2)] ?? ''))
    const key = createHash('sha256').update(JSON.stringify(proof)).digest('base64')
    const remembered = this.#known.get(key) ?? this.#unknown.get(key)
    const asking = remembered ? undefined : this.#asking.get(key)
    const caller = remembered ?? (await (asking ?? this.#askOnce(key, proof)))
    if (caller.is !== 'known' && (remembered ?? asking)) this.#modules.onUnknown(caller.is, undefined)
    return caller
  }

  #askOnce(key: string, proof: readonly string[]): Promise<Caller> {
    const asking = this.#askAndTell(proof)
      .then((caller) => {
        const memory = caller.is === 'known' ? this.#known : this.#unknown
        memory.set(key, caller, { ttl: caller.is === 'untold' ? rememberUntoldMs : rememberMs })
        return caller
      })
      .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #askAndTell(proof: readonly string[]): Promise<Caller> {
    try {
      return { is: 'known', actor: await this.#ask(proof) }
    } catch (error) {
      const is = error instanceof NotTold ? error.why : 'untold'
      this.#modules.onUnknown(is, error)
      return { is, actor: nobody }
    }
  }

  async #ask(proof: readonly string[]): Promise<Actor> {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const body = Buffer.from(JSON.stringify(review))
    const type = ['Content-Type', 'application/json', 'Accept', 'application/json']
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await this.#modules.ask(
      {
        method: 'POST',
        target: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
        headers: [...proof, ...type, 'Content-Length', String(body.length)],
        body,
      },
      signal,
    )
    const text = await readAnswer(answer, { maxBytes: 1024 * 1024, bodyMs: timeoutMs }, signal)
    const { statusCode = 502 } = answer
    if (statusCode !== 201) throw new NotTold(statusCode, text)
    const parsed = parseReview(JSON.parse(text))
    if (!parsed.ok) throw new Error(`the answer to a SelfSubjectReview cannot be read: ${parsed.problem}`)
    return parsed.value
  }
}

/** Thrown for an answer other than who it is. */
class NotTold extends Error {
  readonly why: Unknown

  constructor(status: number, text: string) {
    super(`SelfSubjectReview was answered ${status}: ${cut(text, longestText)}`)
    this.why = whyNot(status, text)
  }
}

/**
 * Only `system:anonymous` may not ask this, and gets 403 (kubernetes.md, Who asks). A server before Kubernetes 1.28 answers
 * 404, once it knows that the caller may ask.
 */
function whyNot(status: number, text: string): Unknown {
  if (status === 401) return 'stranger'
  if (status === 403) return text.includes(anonymous) ? 'stranger' : 'nameless'
  return status === 404 ? 'nameless' : 'untold'
}

/** As it stands in the JSON of a Status. */
const anonymous = String.raw`User \"system:anonymous\" `

/** What the API server passes on to a server in the cluster. */
const proxied = new Set(['services', 'pods'])

/**
 * Finds the call of Longhorn's REST API in a request that the API server itself would pass on to a service or a pod of
 * Longhorn's namespace. It takes its own path by position, as it came, and tidies up what is left for the other server.
 */
export function callThrough(method: string, target: string, longhornNamespace: string): Call | undefined {
  const { parts, query } = targetOf(target)
  const [, api, version, namespaces, namespace, plural = '', , subresource, ...path] = parts
  if (api !== 'api' || version !== 'v1' || namespaces !== 'namespaces') return undefined
  if (namespace !== longhornNamespace || !proxied.has(plural) || subresource !== 'proxy') return undefined
  return callAt(method, segmentsOf(path), query)
}
