import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'
import { WebSocketServer, type WebSocket } from 'ws'
import { certificateFor } from '../fixtures/certificates.ts'

/** An API server of which only one pod is to be seen, and who asked for it. */
export interface PodsStandIn {
  readonly url: string
  /** The authority to trust over TLS, PEM. */
  readonly authority: string
  /** The `Authorization` of each request, by its path. */
  readonly asked: Map<string, string | undefined>
  /** Answers the next request for `/slow`. */
  readonly answerSlow: () => void
}

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pod-0', namespace: 'default' },
  spec: { containers: [{ name: 'main' }] },
  status: { phase: 'Running' },
}

/** The first requests of kubectl, and of a door. */
const known: Readonly<Record<string, object>> = {
  '/api/v1/namespaces/holdfast': { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'holdfast' } },
  '/apis/coordination.k8s.io/v1/namespaces/longhorn-system/leases/holdfast-book': {
    metadata: { annotations: { 'holdfast.dev/book-namespace': 'holdfast' } },
  },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: 'v1',
    resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get'] }],
  },
}

/** A bare API server has no kubelet, and so neither logs nor exec: this one stands in for both. Over plain HTTP nobody tells a token. */
export async function podsStandIn(t: Test, scheme: 'http' | 'https' = 'https'): Promise<PodsStandIn> {
  const asked = new Map<string, string | undefined>()
  const slow: http.ServerResponse[] = []
  const { cert, key } = await certificateFor()
  const server = scheme === 'http' ? http.createServer() : https.createServer({ cert, key })
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    const path = pathOf(request)
    asked.set(path, request.headers.authorization)
    if (path === '/slow') {
      slow.push(response)
      return
    }
    if (path.endsWith('/log')) {
      response.writeHead(200, { 'content-type': 'text/plain' })
      response.write('one\n')
      setImmediate(() => response.end('two\n'))
      return
    }
    const found = path.endsWith('/pods/pod-0') ? pod : known[path]
    if (found) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
      return
    }
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }
    response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(status))
  })
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => [...offered][0] ?? false,
  })
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    asked.set(pathOf(request), request.headers.authorization)
    if (request.headers.upgrade === 'websocket') {
      sockets.handleUpgrade(request, socket, head, pathOf(request).endsWith('/exec') ? exec : echo)
      return
    }
    // SPDY is framed by those who speak it; whatever comes goes back.
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n')
    socket.pipe(socket)
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const client of sockets.clients) client.terminate()
    server.closeAllConnections()
    server.close()
  })
  const url = `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, authority: cert, asked, answerSlow: () => slow.shift()?.end('done') }
}

function pathOf({ url = '/' }: http.IncomingMessage): string {
  return url.split('?')[0] ?? '/'
}

/** Every byte on a port goes back. */
function echo(client: WebSocket): void {
  client.on('error', () => client.terminate())
  client.on('message', (data) => client.send(data))
}

/**
 * A kubelet's answer to `exec`: standard output on channel 1, the exit status on channel 3
 * (v5.channel.k8s.io).
 */
function exec(client: WebSocket): void {
  const say = (channel: number, text: string): void =>
    client.send(Buffer.from([channel, ...Buffer.from(text)]))
  client.on('error', () => client.terminate())
  say(1, 'hello from the pod\n')
  say(3, JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }))
  client.close(1000)
}
