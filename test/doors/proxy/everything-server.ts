import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'

/**
 * An upstream with every kind of answer in HTTP, always the same for the same request. The answer contains the request.
 * It replaces Longhorn and the API server, neither of which has all of these.
 */
export async function everythingServer(t: Test): Promise<{ url: string; server: http.Server }> {
  const server = http.createServer((request, response) => {
    response.sendDate = false
    const hash = createHash('sha256')
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk)
      bytes += chunk.length
    })
    request.on('end', () => {
      const { method = '', url = '' } = request
      const got = `${method} ${url} ${bytes} ${hash.digest('hex')} ${seen(request)}`
      answer(new URLSearchParams(url.split('?')[1] ?? '').get('as') ?? 'text', got, request, response)
    })
    request.on('error', () => undefined)
  })
  server.on('upgrade', (request, socket, head: Buffer) => {
    if ((request.url ?? '').includes('refuse')) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nX-Why: no\r\n\r\nno\n')
      return
    }
    const kind = request.headers.upgrade ?? ''
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${kind}\r\nConnection: Upgrade\r\nX-Stream: yes\r\n\r\n`,
    )
    if (head.length > 0) socket.write(head)
    socket.pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** The headers that are not of one connection, as they arrived. */
function seen({ rawHeaders }: http.IncomingMessage): string {
  const own = new Set(['host', 'connection', 'transfer-encoding', 'content-length', 'keep-alive', 'te'])
  const pairs: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (!own.has(name.toLowerCase())) pairs.push(`${name}=${rawHeaders[at + 1]}`)
  }
  return pairs.join(';')
}

function answer(as: string, got: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  const text = `${got}\n`
  switch (as) {
    case 'chunks':
      // Node refuses to announce trailers where there is no body.
      if (request.method === 'HEAD') response.writeHead(200, 'Fine', ['Content-Type', 'text/plain'])
      else response.writeHead(200, 'Fine', ['Content-Type', 'text/plain', 'Trailer', 'X-Sum'])
      for (let at = 0; at < 20; at += 1) response.write(`${at} ${text}`)
      if (request.method !== 'HEAD') response.addTrailers({ 'X-Sum': 'twenty' })
      response.end()
      return
    case 'gzip': {
      const zipped = gzipSync(text.repeat(50))
      const names = [
        'Content-Encoding',
        'gzip',
        'content-length',
        String(zipped.length),
        'Vary',
        'Accept-Encoding',
      ]
      response.writeHead(200, names).end(zipped)
      return
    }
    case 'large':
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' })
      response.end(Buffer.alloc(3_000_000, text))
      return
    case 'cookies':
      response.writeHead(200, [
        'Set-Cookie',
        'a=1',
        'set-cookie',
        'b=2',
        'X-Odd',
        'one',
        'X-Odd',
        'two',
        'x-eMpty',
        '',
      ])
      response.end(text)
      return
    case 'empty':
      response.writeHead(204).end()
      return
    case 'unmodified':
      response.writeHead(304, { ETag: '"x"' }).end()
      return
    case 'redirect':
      response.writeHead(301, { Location: `http://${request.headers.host}/elsewhere/` }).end()
      return
    case 'missing':
      response
        .writeHead(404, 'Nothing Here', { 'content-type': 'application/json' })
        .end(`{"message":${JSON.stringify(got)}}`)
      return
    case 'failure':
      response.writeHead(503, { 'Retry-After': '2' }).end(text)
      return
    case 'teapot':
      response.writeHead(418, 'I Am').end(text)
      return
    case 'hops':
      response
        .writeHead(200, [
          'Connection',
          'close, X-Private',
          'X-Private',
          'not for others',
          'X-Public',
          'for all',
        ])
        .end(text)
      return
    case 'date':
      response
        .writeHead(200, { Date: 'Thu, 01 Jan 1970 00:00:00 GMT', 'Cache-Control': 'no-store' })
        .end(text)
      return
    default:
      response.writeHead(200, {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': Buffer.byteLength(text),
      })
      response.end(text)
  }
}
