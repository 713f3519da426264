import type http from 'node:http'
import { endToEnd, without } from './headers.ts'

/** Passes an answer on to the client, its body as it comes. Whoever is cut off half-way sees the connection end. */
export function passOn(answer: http.IncomingMessage, response: http.ServerResponse): void {
  response.sendDate = false
  const headers = endToEnd(answer.rawHeaders)
  // Node throws for trailers that are announced where none can come.
  const kept =
    answer.headers.trailer !== undefined && !hasChunks(answer) ? without(headers, trailer) : headers
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', kept)
  // A watch says nothing for minutes.
  if (answer.headers['content-length'] === undefined) response.flushHeaders()
  answer.on('error', () => response.destroy())
  answer.on('aborted', () => response.destroy())
  response.on('close', () => answer.destroy())
  answer.on('end', () => {
    if (answer.rawTrailers.length > 0) response.addTrailers(pairs(answer.rawTrailers))
  })
  answer.pipe(response)
}

const trailer = new Set(['trailer'])

function hasChunks({ headers }: http.IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined
}

function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) found.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return found
}
