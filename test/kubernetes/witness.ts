import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import type { Test } from 'tap'

/** How one request came to a server, and as whose. */
export interface Seen {
  readonly authorization: string | undefined
  /** Names in lower case, each with its value; in the order of both. */
  readonly impersonation: readonly string[]
  /** The name in the certificate that the client has shown. */
  readonly certificate: string | undefined
  /** The client's name for the server in its TLS handshake. */
  readonly servername: string | undefined
}

/** Starts an API server that knows only its version, and records its requests. It ends with the test. */
export async function witness(
  t: Test,
  tls?: https.ServerOptions,
): Promise<{ readonly port: number; readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const onRequest: http.RequestListener = (request, response) => {
    seen.push(seenOf(request))
    const refused = request.headers.authorization === 'Bearer refused'
    const answer = request.url === '/version' ? { major: '1', minor: '36' } : { kind: 'Status', code: 404 }
    response.writeHead(refused ? 401 : request.url === '/version' ? 200 : 404, {
      'content-type': 'application/json',
    })
    response.end(JSON.stringify(answer))
  }
  const server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest)
  return { port: await listening(t, server), seen }
}

function seenOf({ rawHeaders, headers, socket }: http.IncomingMessage): Seen {
  const impersonation: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? ''
    if (name.startsWith('impersonate-')) impersonation.push(`${name}: ${rawHeaders[at + 1]}`)
  }
  const secure = 'encrypted' in socket ? (socket as TLSSocket & { readonly servername?: unknown }) : undefined
  // Without a certificate it is an empty object.
  const shown: Partial<PeerCertificate> | undefined = secure?.getPeerCertificate()
  return {
    authorization: headers.authorization,
    impersonation: impersonation.toSorted(),
    certificate: shown?.subject?.CN?.toString(),
    servername: typeof secure?.servername === 'string' ? secure.servername : undefined,
  }
}

/** A proxy, and its requests: `CONNECT host:port`, `GET http://…`, `SOCKS host:port`, with `as user:password`. */
export interface SeenProxy {
  readonly port: number
  readonly asked: string[]
}

/** Starts a proxy of HTTP. Whatever host it is asked for, it takes to that port of this machine. */
export async function httpProxy(t: Test, tls?: https.ServerOptions): Promise<SeenProxy> {
  const asked: string[] = []
  const note = (what: string, request: http.IncomingMessage): void => {
    const [, login = ''] = (request.headers['proxy-authorization'] ?? '').split(' ')
    asked.push(what + (login === '' ? '' : ` as ${Buffer.from(login, 'base64').toString()}`))
  }
  const server = tls ? https.createServer(tls) : http.createServer()
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    note(`${request.method} ${request.url}`, request)
    const { pathname, search, port } = new URL(request.url ?? '')
    const path = pathname + search
    const { headers, method } = request
    const onward = http.request({ port, host: '127.0.0.1', path, headers, method }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.on('connect', (request: http.IncomingMessage, socket: Duplex) => {
    note(`CONNECT ${request.url}`, request)
    const to = Number(new URL(`http://${request.url}`).port)
    const onward = net.connect(to, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
    join(socket, onward)
  })
  return { port: await listening(t, server), asked }
}

/** Starts a proxy of SOCKS 5 (RFC 1928, 1929). Whatever host it is asked for, it takes to that port of this machine. */
export async function socksProxy(t: Test): Promise<SeenProxy> {
  const asked: string[] = []
  const server = net.createServer((socket) => {
    let login = ''
    const talk = async (): Promise<void> => {
      const [, methods = 0] = await take(socket, 2)
      const wantsLogin = (await take(socket, methods)).includes(2)
      socket.write(Buffer.from([5, wantsLogin ? 2 : 0]))
      if (wantsLogin) {
        const [, nameLength = 0] = await take(socket, 2)
        const name = await take(socket, nameLength)
        const [wordLength = 0] = await take(socket, 1)
        login = ` as ${name.toString()}:${(await take(socket, wordLength)).toString()}`
        socket.write(Buffer.from([1, 0]))
      }
      const [, , , kind] = await take(socket, 4)
      const length = kind === 1 ? 4 : kind === 4 ? 16 : ((await take(socket, 1))[0] ?? 0)
      const host = await take(socket, length)
      const port = (await take(socket, 2)).readUInt16BE()
      asked.push(`SOCKS ${kind === 3 ? host.toString() : [...host].join('.')}:${port}${login}`)
      const onward = net.connect(port, '127.0.0.1', () => {
        socket.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
        join(socket, onward)
      })
      onward.on('error', () => socket.destroy())
    }
    talk().catch(() => socket.destroy())
  })
  return { port: await listening(t, server), asked }
}

async function take(socket: net.Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    if (bytes === 0) return Buffer.alloc(0)
    const read: unknown = socket.read(bytes)
    if (Buffer.isBuffer(read)) return read
    await once(socket, 'readable')
  }
}

function join(one: Duplex, other: Duplex): void {
  one.on('error', () => other.destroy())
  other.on('error', () => one.destroy())
  one.on('close', () => other.destroy())
  other.on('close', () => one.destroy())
  one.pipe(other).pipe(one)
}

async function listening(t: Test, server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  // On all addresses: 0.0.0.0 is one that no proxy is passed over for, unlike 127.0.0.1.
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}
