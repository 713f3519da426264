import http from 'node:http'
import type { Duplex } from 'node:stream'
import type { OwnAnswer } from './door.ts'

/** Answers, unless an answer has begun or nobody is there. */
export function send(response: http.ServerResponse, { status, headers, body }: OwnAnswer): void {
  if (response.destroyed) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** Answers a client that asked for another protocol, and ends the connection. */
export function end(socket: Duplex, { status, headers, body }: OwnAnswer): void {
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`)
}
