import http, { type RequestListener } from 'node:http'
import { once } from 'node:events'
import https from 'node:https'
import type { AddressInfo } from 'node:net'

/**
 * Stands before the embedded REST API, and holds WebSockets open without a word: to tell each of 1,500 what has changed would
 * keep the embedded cluster busy, and it is the proxy that is attacked.
 *
 * @returns its URL
 */
export async function quietRest(rest: string): Promise<string> {
  const server = http.createServer(passingTo(rest))
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.resume().on('end', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  })
  return await listening(server)
}

/**
 * A server before the embedded API that rejects requests without this token: the embedded API itself accepts all callers,
 * so without it no caller would be a stranger.
 *
 * @returns its URL
 */
export async function strictApi(
  api: string,
  token: string,
  tls: { readonly cert: string; readonly key: string },
): Promise<string> {
  const pass = passingTo(api)
  const unauthorized = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason: 'Unauthorized',
    code: 401,
  }
  // Over TLS, since clients send no token without it.
  const server = https.createServer(tls, (request, response) => {
    if (request.headers.authorization === `Bearer ${token}`) pass(request, response)
    else {
      request.resume()
      response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify(unauthorized))
    }
  })
  return (await listening(server)).replace('http:', 'https:')
}

function passingTo(url: string): RequestListener {
  const agent = new http.Agent({ keepAlive: true })
  return (request, response) => {
    const { method, url: target = '/', headers } = request
    const passed = http.request(new URL(target, url), { method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('error', () => response.destroy())
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    // The watching client goes away in the middle of the answer.
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  }
}

async function listening(server: http.Server | https.Server): Promise<string> {
  // Longer than proxies keep theirs: a request on one that is just being closed is lost.
  server.keepAliveTimeout = 120_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
