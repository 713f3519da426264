import { fastify, type FastifyInstance } from 'fastify'
import { type LastAnswer, LastAnswers } from '../../tls/last-answers.ts'
import type { Timers } from '../../time/clock.ts'

/** Options of a small port, each with a default. */
interface SmallPortOptions {
  /** Puts a sentence into the form of the port. */
  readonly inWords: (status: number, sentence: string) => LastAnswer
  /** The machine's own by default. */
  readonly timers?: Timers | undefined
  /** How long a request may take to arrive, in milliseconds. Fastify reads a body without any limit. */
  readonly requestTimeoutMs?: number
  /** How often Node looks for late requests, in milliseconds. */
  readonly lateCheckMs?: number
}

/** A server for requests that are small and few: health, commands, the page. Its end cuts the answers that last. */
export function smallPort({
  inWords,
  timers,
  requestTimeoutMs: requestTimeout = 60_000,
  lateCheckMs: connectionsCheckingInterval = 30_000,
}: SmallPortOptions): FastifyInstance {
  const lastAnswers = new LastAnswers({ inWords, timers })
  const app = fastify({
    // Node wants the one for headers not above the other.
    http: { connectionsCheckingInterval, headersTimeout: requestTimeout },
    requestTimeout,
    logger: false,
    forceCloseConnections: true,
    clientErrorHandler: lastAnswers.onClientError,
  })
  lastAnswers.watch(app.server)
  return app
}
