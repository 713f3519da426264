import type http from 'node:http'
import { endToEnd, without } from './headers.ts'

/**
 * Passes an answer on to the client, its body as it comes. Whoever is cut off half-way sees the connection end. Without
 * `pipe`, whose listeners cost a tenth of all requests.
 *
 * @throws for an answer that Node cannot say
 */
export function passOn(answer: http.IncomingMessage, response: http.ServerResponse): void {
  const { headers, statusCode = 502 } = answer
  const kept = endToEnd(answer.rawHeaders)
  const hasTrailer = headers.trailer !== undefined && isChunked(answer, response)
  response.sendDate = false
  response.writeHead(
    statusCode,
    answer.statusMessage ?? '',
    // Node throws for trailers that are announced where none can come.
    headers.trailer === undefined || hasTrailer ? kept : without(kept, trailer),
  )
  // A watch says nothing for minutes.
  if (headers['content-length'] === undefined) response.flushHeaders()
  answer.on('data', (chunk: Buffer) => {
    if (response.write(chunk)) return
    answer.pause()
    response.once('drain', () => answer.resume())
  })
  answer.on('end', () => {
    if (hasTrailer) response.addTrailers(pairs(answer.rawTrailers))
    response.end()
  })
  answer.on('aborted', () => response.destroy())
  // Somebody else may have listened first, and held it until now.
  answer.resume()
}

/** True if the answer comes in chunks, and goes on in chunks too. */
function isChunked({ headers, statusCode }: http.IncomingMessage, { req }: http.ServerResponse): boolean {
  const bodiless = req.method === 'HEAD' || statusCode === 204 || statusCode === 304
  return headers['transfer-encoding'] !== undefined && !bodiless && req.httpVersion === '1.1'
}

const trailer = new Set(['trailer'])

function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) found.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return found
}
