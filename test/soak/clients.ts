import type { ApiRequest } from '../../src/kubernetes/client/exchange.ts'
import type { Connection } from '../../src/kubernetes/client/connection.ts'

/** A denial of the guard that a client has received. */
export interface Denial {
  /** Nobody else has asked under this name. */
  readonly user: string
  readonly status: number
  readonly message: string
}

/** The words with which the API server passes a denial on. */
const denied = 'admission webhook "guard.holdfast.dev" denied the request'

/** True for a message of a denial by the guard, and not for one of the API server without an answer of it. */
export function isDenial(message: string): boolean {
  return message.includes(denied)
}

/** People with a name for each write, so that each denial can be found among the records of the guards. */
export class Clients {
  /** Their way to the API server. */
  readonly connection: Connection
  readonly denials: Denial[] = []
  /** Writes that changed something, and dry runs that would have. */
  admitted = 0
  /** Writes without an answer of the guard: it was away, or the API server. */
  unanswered = 0
  /** Why, in words without names and numbers, and how often. */
  readonly reasons = new Map<string, number>()
  slowestMs = 0
  readonly #name: string
  readonly #connection: Connection
  #count = 0

  constructor(connection: Connection, name = 'soak') {
    this.#connection = connection
    this.#name = name
    this.connection = {
      ...connection,
      request: async (request) =>
        request.method === 'GET' ? await connection.request(request) : await this.#write(request),
    }
  }

  get writes(): number {
    return this.#count
  }

  async #write(request: ApiRequest) {
    this.#count += 1
    const user = `${this.#name}-${this.#count}`
    const headers = {
      ...request.headers,
      ...{ 'impersonate-user': user, 'impersonate-group': 'system:masters' },
    }
    const began = performance.now()
    try {
      const answer = await this.#connection.request({ ...request, headers })
      const text = await answer.text()
      if (answer.status < 300) this.admitted += 1
      else if (isDenial(messageIn(text)))
        this.denials.push({ user, status: answer.status, message: messageIn(text) })
      else this.#miss(`${answer.status} ${messageIn(text)}`)
      return { ...answer, text: () => Promise.resolve(text) }
    } catch (error) {
      this.#miss(String(error))
      throw error
    } finally {
      this.slowestMs = Math.max(this.slowestMs, performance.now() - began)
    }
  }
  #miss(why: string): void {
    this.unanswered += 1
    const reason = why.replaceAll(/raced-\d+|node-\d+|127\.\S+|\d{4,}/g, '…').slice(0, 160)
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1)
  }
}

/** The message of a status; the text itself if it is none. */
function messageIn(text: string): string {
  try {
    const status = JSON.parse(text) as { readonly message?: unknown }
    return typeof status.message === 'string' ? status.message : text
  } catch {
    return text
  }
}
