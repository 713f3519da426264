import { createHash } from 'node:crypto'
import type http from 'node:http'
import { LRUCache } from 'lru-cache'
import { Type } from 'typebox'
import { optional, parser } from '../../../json/schema.ts'
import type { Actor } from '../../../rules/change.ts'
import { cut, longestText } from '../../../text/plain-text.ts'
import { readAnswer } from '../../http/body.ts'
import { type Call, callAt } from '../longhorn/call.ts'
import type { Outgoing } from '../relay.ts'
import { segmentsOf, targetOf } from '../target.ts'

const parseReview = parser(
  Type.Object({
    status: Type.Object({
      userInfo: Type.Object({
        username: optional(Type.String()),
        groups: optional(Type.Array(Type.String())),
      }),
    }),
  }),
  ({ status: { userInfo } }): Actor => ({ username: userInfo.username ?? '', groups: userInfo.groups ?? [] }),
)

/** The headers that identify a client: its credentials, and its impersonation. */
const identity = /^(authorization|impersonate-.*)$/i

/** Why a caller has no name: the API server rejects or does not name it, or could not be asked. */
export type Unknown = 'stranger' | 'nameless' | 'untold'

/** The API server's answer about a caller. */
export type Caller =
  | { readonly is: 'known'; readonly actor: Actor }
  /**
   * A caller without a name may still be a valid user, except a stranger: `stranger` has no valid
   * credentials.
   */
  | { readonly is: Unknown; readonly actor: Actor }

/** The parts that identifying callers needs. */
interface WhoIsModules {
  /** @throws RelayFailure */
  readonly ask: (outgoing: Outgoing, signal: AbortSignal) => Promise<http.IncomingMessage>
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** Called for each caller without a name. @param error absent if an earlier result was reused */
  readonly onUnknown: (why: Unknown, error: unknown) => void
}

/**
 * How long an answer counts, in milliseconds. A token may be revoked meanwhile, which the API server itself
 * may notice only after twice that time (kubernetes.md, Who asks). A rejected one may have become valid.
 */
const rememberMs = 5_000

/** An API server that could not be asked may be well again soon, in milliseconds. */
const rememberUntoldMs = 1_000

/** The longest useful name in the audit. */
const timeoutMs = 5_000

/** The maximum of remembered callers, and of remembered strangers: these cannot push out the others. */
const maxCallers = 1_000

/** In characters: a user may be in very many groups. */
const maxKept = 4 * 1024 * 1024

const nobody: Actor = { username: 'unknown', groups: [] }

/** Finds the user of a request. Only the API server knows the owner of a token (SelfSubjectReview). */
export class WhoIs {
  readonly #modules: WhoIsModules
  /** By a digest of their credentials: tokens are not kept. */
  readonly #known: LRUCache<string, Caller>
  readonly #unknown: LRUCache<string, Caller>
  /** Parallel requests of one caller share one question. */
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
    const asking = this.#askAndReport(proof)
      .then((caller) => {
        const memory = caller.is === 'known' ? this.#known : this.#unknown
        memory.set(key, caller, { ttl: caller.is === 'untold' ? rememberUntoldMs : rememberMs })
        return caller
      })
      .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  async #askAndReport(proof: readonly string[]): Promise<Caller> {
    try {
      return { is: 'known', actor: await this.#ask(proof) }
    } catch (error) {
      const is = error instanceof NoUser ? error.why : 'untold'
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
    if (statusCode !== 201) throw new NoUser(statusCode, text)
    const parsed = parseReview(JSON.parse(text))
    if (!parsed.ok) throw new Error(`the answer to a SelfSubjectReview cannot be read: ${parsed.problem}`)
    return parsed.value
  }
}

/** Thrown for an answer without a user. */
class NoUser extends Error {
  readonly why: Unknown

  constructor(status: number, text: string) {
    super(`SelfSubjectReview was answered ${status}: ${cut(text, longestText)}`)
    this.why = whyNot(status, text)
  }
}

/**
 * Only `system:anonymous` may not ask this, and gets 403 (kubernetes.md, Who asks). A server before
 * Kubernetes 1.28 answers 404, after it has accepted the caller.
 */
function whyNot(status: number, text: string): Unknown {
  if (status === 401) return 'stranger'
  if (status === 403) return text.includes(anonymous) ? 'stranger' : 'nameless'
  return status === 404 ? 'nameless' : 'untold'
}

/** As in the JSON of a Status. */
const anonymous = String.raw`User \"system:anonymous\" `

/** The part that the API server forwards to a server in the cluster. */
const proxied = new Set(['services', 'pods'])

/**
 * Finds the call of Longhorn's REST API in a request that the API server itself would forward to a service or
 * a pod of Longhorn's namespace. The API server reads its own path by position, unchanged, and normalises the
 * rest for the other server.
 */
export function callThrough(method: string, target: string, longhornNamespace: string): Call | undefined {
  const { parts, query } = targetOf(target)
  const [, api, version, namespaces, namespace, plural = '', , subresource, ...path] = parts
  if (api !== 'api' || version !== 'v1' || namespaces !== 'namespaces') return undefined
  if (namespace !== longhornNamespace || !proxied.has(plural) || subresource !== 'proxy') return undefined
  return callAt(method, segmentsOf(path), query)
}
