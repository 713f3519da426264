import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { Test } from 'tap'

/**
 * Starts a server that answers each request with `{method, url, headers, body, authorized}`, where `authorized` is
 * true if a trusted client certificate was shown. It ends with the test.
 *
 * @param tls without it, plain HTTP
 */
export async function echoServer(t: Test, tls?: https.ServerOptions): Promise<{ url: string; port: number }> {
  const echo: http.RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const authorized = 'authorized' in request.socket && request.socket.authorized === true
      const body = Buffer.concat(chunks).toString()
      response.end(
        JSON.stringify({
          method: request.method,
          url: request.url,
          headers: request.headers,
          body,
          authorized,
        }),
      )
    })
  }
  const server = tls ? https.createServer(tls, echo) : http.createServer(echo)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, port }
}
