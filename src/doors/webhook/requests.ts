import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isOver, onceOver } from '../../tls/over.ts'
import { fieldOf, type Parsed } from '../../json/schema.ts'
import { BodiesUnderWay } from '../http/bodies-under-way.ts'
import { type BodyRefused, type TrafficObserver, unlessClosed } from '../http/connection-limit.ts'
import { defaultFairTurnsLimits, FairTurns } from '../http/fair-turns.ts'
import { asciiJson, leadingUid, parseJson, reviewText } from './admission-review.ts'
import type { Callers } from './callers.ts'
import type { ConnectionOptions } from './connection-options.ts'
import {
  cutShort,
  encodedProblem,
  type HttpProblem,
  isTooLarge,
  notServed,
  problemOf,
  TooBusy,
  TooManyValues,
  unreadProblem,
} from './http-errors.ts'
import type { Log } from './log.ts'
import type { ReviewAnswer, Reviewer } from './reviewer.ts'

/** The parts that requests need. */
export interface RequestModules {
  readonly reviewer: Pick<Reviewer, 'review' | 'known' | 'unread'>
  /** Aborted once clients have to send their next request elsewhere. */
  readonly leaving: AbortSignal
  /** Identifies callers. */
  readonly callers?: { readonly judge: Pick<Callers, 'refusal'> } | undefined
  readonly log: Log
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** True if the guard only warns: a review that is not read, since too many wait, passes. */
  readonly watches?: boolean
  /** Called with the effects of the limits. */
  readonly traffic?: TrafficObserver | undefined
}

type Headers = Readonly<Record<string, string>>

/** Ends the connection: more of an unread body may come. */
export const close: Headers = { connection: 'close' }

/** A request whose body has come. */
interface Came {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The address that it came from. */
  readonly peer: string
  /** Untrusted text. */
  readonly body: Buffer | string
}

/**
 * What becomes of each request. A review as API servers send it is read and answered past fastify, which takes twice the steps:
 * its body is counted while it is read, and headers and answer are written as one text of ASCII.
 */
export class Requests {
  readonly #modules: RequestModules
  readonly #bodyLimitBytes: number
  readonly #bodies: BodiesUnderWay
  readonly #turns = new FairTurns(defaultFairTurnsLimits)

  constructor(options: Pick<ConnectionOptions, 'bodies' | 'bodyLimitBytes'>, modules: RequestModules) {
    const { now, traffic } = modules
    this.#modules = modules
    this.#bodyLimitBytes = options.bodyLimitBytes
    this.#bodies = new BodiesUnderWay(options.bodies, { now, onCut: (why) => traffic?.cut(why) })
  }

  /** A hook of fastify for requests whose headers have come. */
  readonly received = (request: FastifyRequest, reply: FastifyReply, done: () => void): void =>
    unlessClosed(request, reply, () => this.#received(request, reply, done))

  #received(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { raw, headers } = request
    const refusal = this.#modules.callers?.judge.refusal(raw.socket)
    if (refusal) this.problem(reply, refusal, close)
    else if (request.is404) this.problem(reply, notServed(request.method, request.url))
    // A small body can unpack to gigabytes, so none is unpacked.
    else if (isEncoded(headers['content-encoding']))
      this.problem(reply, encodedProblem, { ...close, 'accept-encoding': 'identity' })
    else {
      const length = lengthOf(headers)
      if (length === undefined || length > this.#bodyLimitBytes) {
        this.#bodies.watch(raw)
        done()
        return
      }
      reply.hijack()
      const whole = (body: Buffer): void => {
        if (body.length === length) this.#text(request, reply, body)
        else this.problem(reply, cutShort, close)
      }
      this.#bodies.read(raw, whole, length)
    }
  }

  /** The handler of fastify for all other bodies: those that come in chunks, for example. */
  readonly read = (request: FastifyRequest, reply: FastifyReply): void => {
    const { body } = request
    request.body = undefined
    if (typeof body === 'string') this.#text(request, reply, body)
    else this.#review({ request, reply, peer: peerOf(request) }, body)
  }

  /** Answers a review, at the turn of its sender. @param body untrusted. A Buffer, which the collector does not copy, may wait */
  #text(request: FastifyRequest, reply: FastifyReply, body: Buffer | string): void {
    const came: Came = { request, reply, peer: peerOf(request), body }
    const safely = (answer: (came: Came) => void) => (): void => {
      // Its client has gone, and others wait for their turn.
      if (isOver(request.raw.socket)) return
      try {
        answer(came)
      } catch (error) {
        // Fastify does not catch errors of a hijacked request, so this one would end the process.
        this.failure(request, reply, error)
      }
    }
    this.#turns.take(came.peer, body.length, safely(this.#readText), safely(this.#tooBusy))
  }

  readonly #readText = (came: Came): void => {
    const { request, reply } = came
    const text = came.body.toString()
    // A review that waits must not keep its text: nothing in here is kept by a listener.
    const json = this.#modules.reviewer.known(text) ?? parseJson(text)
    // An HTTP error would be a failed call, and pass under `failurePolicy: Ignore`.
    if (json instanceof TooManyValues) this.#unread(came, json)
    else if (json instanceof Error) this.failure(request, reply, json, close)
    else this.#review(came, 'json' in json ? json.json : json, text)
  }

  readonly #tooBusy = (came: Came): void => {
    const error = new TooBusy()
    // failurePolicy decides about calls that a busy guard does not answer.
    if (this.#modules.watches) this.#unread(came, error)
    else this.failure(came.request, came.reply, error, close)
  }

  /** Answers a review that was read. @param body untrusted JSON, or a known review @param text of it, if it came as one */
  #review({ request, reply, peer }: Omit<Came, 'body'>, body: unknown, text?: string): void {
    const timeout = fieldOf(request.query, 'timeout')
    const came = { text, bytes: text?.length ?? 0, peer }
    const reviewed = this.#modules.reviewer.review(body, timeout, () => whileConnected(reply), came)
    // Most are answered at once, and need no promise for that.
    if (reviewed instanceof Promise) this.#later(request, reply, reviewed)
    else this.#send(reply, reviewed)
  }

  /** Answers a request that does not get as far as a review. */
  problem(reply: FastifyReply, { status, error }: HttpProblem, headers?: Headers): void {
    // In this form the API server forwards the sentence to its client.
    const body = { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: status, message: error }
    this.#write(reply, status, asciiJson(body), status === 405 ? { ...headers, allow: 'POST' } : headers)
  }

  /** The same after an error. */
  failure(request: FastifyRequest, reply: FastifyReply, error: unknown, headers?: Headers): void {
    const { traffic, log } = this.#modules
    const known = problemOf(error, this.#bodyLimitBytes)
    const why = whyUnread(error)
    if (why) traffic?.refused(why)
    if (known) {
      this.problem(reply, known, headers)
      return
    }
    const err = error instanceof Error ? error : new Error(String(error))
    const [path] = request.url.split('?', 1)
    log.error({ err, method: request.method, path }, 'a review was not answered')
    this.problem(reply, { status: 500, error: 'Holdfast failed to answer; its log says why.' }, headers)
  }

  #unread({ request, reply, body }: Came, error: TooManyValues | TooBusy): void {
    const uid = leadingUid(body.toString())
    if (uid === undefined) {
      this.failure(request, reply, error, close)
      return
    }
    const { traffic, watches, reviewer } = this.#modules
    const why = whyUnread(error)
    if (why) traffic?.[watches ? 'passed' : 'refused'](why)
    this.#send(reply, { ok: true, value: reviewer.unread(uid, unreadProblem(error)) })
  }

  #later(request: FastifyRequest, reply: FastifyReply, answer: Promise<Parsed<ReviewAnswer>>): void {
    answer
      .then((reviewed) => this.#send(reply, reviewed))
      .catch((error: unknown) => this.failure(request, reply, error))
  }

  #send(reply: FastifyReply, reviewed: Parsed<ReviewAnswer>): void {
    if (reviewed.ok) this.#write(reply, 200, reviewText(reviewed.value))
    else this.problem(reply, { status: 400, error: `${reviewed.problem}.` })
  }

  #write(reply: FastifyReply, status: number, text: string, headers?: Headers): void {
    if (reply.raw.headersSent) return
    const all: Record<string, string | number> = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': text.length,
      ...headers,
    }
    if (this.#modules.leaving.aborted) all.connection = 'close'
    if (!reply.sent) reply.hijack()
    reply.raw.writeHead(status, all).end(text, 'latin1')
  }
}

function whyUnread(error: unknown): BodyRefused | undefined {
  if (error instanceof TooManyValues) return 'too-many-values'
  if (error instanceof TooBusy) return 'busy'
  return isTooLarge(error) ? 'too-large' : undefined
}

/** The length of a body of JSON that does not come in chunks; undefined of all others. */
function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length']
  return headers['content-type'] === 'application/json' && length !== undefined ? Number(length) : undefined
}

/** @param encoding the header Content-Encoding */
function isEncoded(encoding: string | undefined): boolean {
  if (encoding === undefined) return false
  return encoding.split(',').some((each) => !['', 'identity'].includes(each.trim().toLowerCase()))
}

function peerOf(request: FastifyRequest): string {
  return request.raw.socket.remoteAddress ?? ''
}

/** A signal that aborts when the client goes away, so that its requests are not held any longer. */
function whileConnected({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  onceOver(raw, () => {
    if (!raw.writableFinished) gone.abort(clientGone())
  })
  return gone.signal
}

function clientGone(): Error {
  return new Error('the client has gone')
}
