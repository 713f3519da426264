import type { ServerResponse } from 'node:http'
import type { LastAnswer } from '../../../tls/last-answers.ts'
import type { FailureStatus } from '../../cluster-client.ts'
import { at } from '../../json.ts'
import { statusOf } from '../failure.ts'
import type { WatchEvent, WatchSink } from '../store/watch.ts'

/** Answers with a JSON body and the warnings. */
export function sendJson(response: ServerResponse, code: number, body: unknown, warnings: Warnings): void {
  send(response, code, 'application/json', JSON.stringify(body), warnings)
}

/**
 * Answers with a failure. `retryAfterSeconds` becomes a header, and kubectl then waits
 * (kubernetes.md, The answer).
 */
export function sendFailure(response: ServerResponse, failure: FailureStatus, warnings: Warnings): void {
  const seconds = at(failure.details, 'retryAfterSeconds')
  if (typeof seconds === 'number' && seconds > 0) response.setHeader('retry-after', Math.floor(seconds))
  // A webhook may choose any number, and only an HTTP status can be sent as one.
  const code = failure.code < 600 ? Math.floor(failure.code) : 500
  sendJson(response, code, statusOf(failure), warnings)
}

/** The failure of a request that cannot be read; its connection ends. */
export function lastAnswer(code: number, message: string): LastAnswer {
  const body = JSON.stringify(statusOf({ code, reason: code === 400 ? 'BadRequest' : '', message }))
  return { status: code, headers: { 'Content-Type': 'application/json' }, body }
}

/** Answers with any text. */
export function send(
  response: ServerResponse,
  code: number,
  contentType: string,
  body: string,
  warnings?: Warnings,
): void {
  // The client may have gone, or its watch may have begun.
  if (response.headersSent || response.destroyed) return
  const headers = warnings?.headers() ?? []
  if (headers.length > 0) response.setHeader('warning', headers)
  // As bytes: with a text Node would write the headers in UTF-8 too, and encode warnings twice.
  const bytes = Buffer.from(body)
  response.writeHead(code, { 'content-type': contentType, 'content-length': bytes.length })
  response.end(bytes)
}

/** Up to this many characters in all, warnings stay whole (kubernetes.md, The answer). */
const maxTotal = 4096
/** Beyond that each is cut to this many. */
const maxEach = 256

/** Collects the warnings of one request. */
export class Warnings {
  readonly #texts = new Set<string>()

  /** Keeps each warning once. Like an API server, it drops one with a control character silently. */
  add(text: string): void {
    if (!/\p{Cc}/u.test(text) && text !== '') this.#texts.add(text)
  }

  /** The values of the `Warning` headers. */
  headers(): readonly string[] {
    const texts = [...this.#texts]
    const whole = texts.reduce((sum, text) => sum + text.length, 0) <= maxTotal
    const fitting = whole ? texts : texts.slice(0, maxTotal / maxEach).map((text) => text.slice(0, maxEach))
    return fitting.map((text) => `299 - "${bytes(text.replace(/[\\"]/g, '\\$&'))}"`)
  }
}

/** A header carries bytes: UTF-8, as Go writes it. */
function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** With more unsent bytes than this, a watcher is too slow: it is disconnected, and lists again. */
const maxUnsentBytes = 16 * 1024 * 1024

/**
 * Writes a watch as an HTTP answer, one JSON event a line.
 *
 * @param show converts an object to the form that the client wants, e.g. a table
 */
export function watchSink(response: ServerResponse, show: (event: WatchEvent) => unknown): WatchSink {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' })
  // For a client the headers are the sign that the watch has begun.
  response.flushHeaders()
  return {
    send(event) {
      if (response.destroyed || response.writableEnded) return
      response.write(`${JSON.stringify({ type: event.type, object: show(event) })}\n`)
      if (response.writableLength > maxUnsentBytes) response.destroy()
    },
    end() {
      response.end()
    },
  }
}
