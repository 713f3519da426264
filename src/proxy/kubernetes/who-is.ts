import { createHash } from 'node:crypto'
import type http from 'node:http'
import { Type } from 'typebox'
import { absent } from '../../longhorn/absent.ts'
import { parser } from '../../longhorn/parse.ts'
import type { Actor } from '../../rules/change.ts'
import { readAnswer } from '../read-answer.ts'
import type { Outgoing } from '../relay.ts'

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

/** What finding out works with. */
export interface WhoIsModules {
  /** @throws RelayFailure */
  readonly ask: (outgoing: Outgoing, signal: AbortSignal) => Promise<http.IncomingMessage>
  readonly now: () => number
  /** Told when it cannot be found out; the record then says so. */
  readonly onProblem: (error: unknown) => void
}

/** A token that is revoked is refused by the API server itself; only the name in the audit is older. */
const rememberMs = 60_000

/** A name in the audit is worth no more. */
const timeoutMs = 5_000

/** So many people at most are remembered. */
const maxPeople = 1_000

/** Finds out who asks, as the API server knows them: only it can tell whose token that is (SelfSubjectReview). */
export class WhoIs {
  readonly #modules: WhoIsModules
  readonly #known = new Map<string, { readonly actor: Actor; readonly until: number }>()

  constructor(modules: WhoIsModules) {
    this.#modules = modules
  }

  /** @param headers of the request, name and value in turn. Never rejects. */
  async find(headers: readonly string[]): Promise<Actor> {
    const proof = headers.filter((_, at) => identity.test(headers[at - (at % 2)] ?? ''))
    // Tokens are not kept.
    const key = createHash('sha256').update(JSON.stringify(proof)).digest('hex')
    const known = this.#known.get(key)
    const now = this.#modules.now()
    if (known && now < known.until) return known.actor
    try {
      const actor = await this.#ask(proof)
      if (this.#known.size >= maxPeople) this.#known.clear()
      this.#known.set(key, { actor, until: now + rememberMs })
      return actor
    } catch (error) {
      this.#modules.onProblem(error)
      return { username: 'unknown', groups: [] }
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
    if (answer.statusCode !== 201)
      throw new Error(`SelfSubjectReview was answered ${answer.statusCode}: ${text}`)
    const parsed = parseReview(JSON.parse(text))
    if (!parsed.ok) throw new Error(`the answer to a SelfSubjectReview cannot be read: ${parsed.problem}`)
    return parsed.value
  }
}
