import http from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

/**
 * Stands before the embedded REST API, and holds WebSockets open without a word: to tell each of 1,500 what has changed would
 * keep the embedded cluster busy, and it is the proxy that is attacked.
 *
 * @returns its URL
 */
export async function quietRest(rest: string): Promise<string> {
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const { method, url = '/', headers } = request
    const passed = http.request(new URL(url, rest), { method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    request.pipe(passed)
  })
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.resume().on('end', () => socket.destroy())
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
