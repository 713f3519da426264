import type { ServerResponse } from 'node:http'
import type { FailureStatus } from '../../cluster-client.ts'
import { at } from '../../json.ts'
import { statusOf } from '../failure.ts'
import type { Warnings } from './warnings.ts'

/** Answers with a JSON body and what was warned of. */
export function sendJson(response: ServerResponse, code: number, body: unknown, warnings: Warnings): void {
  send(response, code, 'application/json', JSON.stringify(body), warnings)
}

/** Answers with a failure; `retryAfterSeconds` becomes a header, which makes kubectl wait (kubernetes.md, The answer). */
export function sendFailure(response: ServerResponse, failure: FailureStatus, warnings: Warnings): void {
  const seconds = at(failure.details, 'retryAfterSeconds')
  if (typeof seconds === 'number' && seconds > 0) response.setHeader('retry-after', Math.floor(seconds))
  // A webhook may choose any number; what is no HTTP status cannot be sent as one.
  const code = failure.code < 600 ? Math.floor(failure.code) : 500
  sendJson(response, code, statusOf(failure), warnings)
}

/** Answers with any text. */
export function send(
  response: ServerResponse,
  code: number,
  contentType: string,
  body: string,
  warnings?: Warnings,
): void {
  // The client may be gone, or its watch begun.
  if (response.headersSent || response.destroyed) return
  const headers = warnings?.headers() ?? []
  if (headers.length > 0) response.setHeader('warning', headers)
  // Bytes, since Node would write the headers in UTF-8 too together with a text: warnings would be encoded twice.
  const bytes = Buffer.from(body)
  response.writeHead(code, { 'content-type': contentType, 'content-length': bytes.length })
  response.end(bytes)
}
