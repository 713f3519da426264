import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { onAbort } from '../gate/on-abort.ts'
import { tunnelThrough } from './proxy-tunnel.ts'
import type { TlsMaterial } from './tls-material.ts'

/** How requests get to a server. */
export interface Way {
  /** Keeps connections for the next request. */
  readonly agent: http.Agent
  /** Makes a connection for each request, on the same way: for one that was lost with the connection it was sent on. */
  readonly fresh: http.Agent
  /** What stands before the path of a request: a proxy of plain HTTP wants the whole URL. */
  readonly prefix: string
  /** For that proxy. */
  readonly headers: Readonly<Record<string, string>>
  /** Lets go of all connections, and of those that are being made. */
  close(): void
}

/** What is known of a connection that is to be made: where to, and TLS material. */
type Target = tls.ConnectionOptions & { readonly host?: string; readonly port?: string | number }
type Made = (error: Error | null, socket?: net.Socket) => void
type Connect = (target: Target, made: Made) => void

/**
 * An idle connection is given up after this: an API server closes it after 90 s, many load balancers after 60 s,
 * and a request on a connection that is just being closed fails for nothing.
 */
const kept: http.AgentOptions = { keepAlive: true, timeout: 50_000, maxFreeSockets: 256 }

/**
 * The way to a server: straight, or through a proxy as Go takes it. What speaks TLS goes through a tunnel (CONNECT, or
 * SOCKS 5, which resolves the name of the server); plain HTTP is asked of the proxy itself.
 *
 * @param proxy with the scheme http, https, socks5 or socks5h
 */
export function wayTo(server: URL, proxy?: URL): Way {
  if (proxy && server.protocol === 'http:' && !isSocks(proxy)) {
    const ended = new AbortController()
    const toProxy: Connect = (_, made) => reach(proxy, made)
    return wayOf(server, {
      ended,
      connect: toProxy,
      prefix: server.origin,
      headers: proxyAuthorization(proxy),
    })
  }
  return tunnelTo(server, proxy)
}

/**
 * The same with a tunnel through any proxy, for what is not HTTP from end to end: upgrades.
 *
 * @param material for all connections, where a request has none of its own
 */
export function tunnelTo(server: URL, proxy?: URL, material: TlsMaterial = {}): Way {
  const ended = new AbortController()
  if (!proxy) return wayOf(server, { ended, material })
  const headers = proxyAuthorization(proxy)
  const tunnelled: Connect = (target, made) => {
    const { host = '', port = '' } = target
    const options = { headers, tls: forProxy(target), signal: ended.signal }
    tunnelThrough(proxy, { host, port: Number(port) }, options)
      .then((socket) =>
        server.protocol === 'https:' ? secured({ ...target, socket }, ended.signal) : socket,
      )
      .then(
        (socket) => made(null, socket),
        (error: unknown) => made(error instanceof Error ? error : new Error(String(error))),
      )
  }
  return wayOf(server, { ended, material, connect: tunnelled })
}

/**
 * The TLS material for a proxy of HTTPS: all that the server is reached with, since Go's http.Transport has one
 * TLSClientConfig for both (net/http, addTLS). So has a name that is not the server's own: tls-server-name.
 */
function forProxy(target: Target): TlsMaterial {
  const { ca, cert, key, rejectUnauthorized, checkServerIdentity, servername = '', host } = target
  const isGiven = checkServerIdentity !== undefined || (servername !== '' && servername !== host)
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(checkServerIdentity && { checkServerIdentity }),
    ...(isGiven && { servername }),
  }
}

/** Schemes of proxies that can be used: those of Go. */
export function isProxyScheme(protocol: string): boolean {
  return /^(https?|socks5h?):$/.test(protocol)
}

function isSocks({ protocol }: URL): boolean {
  return protocol.startsWith('socks5')
}

interface Making extends Partial<Pick<Way, 'prefix' | 'headers'>> {
  readonly ended: AbortController
  readonly material?: TlsMaterial
  /** Makes a connection; without it, a straight one is made. */
  readonly connect?: Connect
}

function wayOf(server: URL, { ended, material, connect, prefix = '', headers = {} }: Making): Way {
  const agent = agentFor(server, { ...kept, ...material }, connect)
  const fresh = agentFor(server, { keepAlive: false, ...material }, connect)
  const close = (): void => {
    ended.abort(new Error('The connection was closed.'))
    agent.destroy()
    fresh.destroy()
  }
  return { agent, fresh, prefix, headers, close }
}

/** The agent keeps sockets of different certificates apart, so a rotated one takes effect with the next request. */
function agentFor(server: URL, options: https.AgentOptions, connect?: Connect): http.Agent {
  const agent = server.protocol === 'http:' ? new http.Agent(options) : new https.Agent(options)
  return connect ? Object.assign(agent, { createConnection: connect }) : agent
}

/** Hands over a connection once it is encrypted, so that a request is sent on one that is ready. */
async function secured(options: tls.ConnectionOptions, signal: AbortSignal): Promise<net.Socket> {
  const socket = tls.connect(options)
  return await new Promise((resolve, reject) => {
    const lost = (error: Error): void => {
      forget()
      socket.destroy()
      reject(error)
    }
    const closed = (): void => lost(new Error('the connection was closed before it was encrypted'))
    const forget = onAbort(signal, () => lost(new Error('it is not wanted any more')))
    socket.once('error', lost)
    socket.once('close', closed)
    socket.once('secureConnect', () => {
      forget()
      socket.off('error', lost)
      socket.off('close', closed)
      resolve(socket)
    })
  })
}

/** Connects to a proxy of plain HTTP itself. As in client-go, what a kubeconfig says of certificates is not for a server of HTTP. */
function reach(proxy: URL, made: Made): void {
  const host = proxy.hostname.replace(/^\[|\]$/g, '')
  const isSecure = proxy.protocol === 'https:'
  const port = proxy.port === '' ? (isSecure ? 443 : 80) : Number(proxy.port)
  const servername = net.isIP(host) === 0 ? { servername: host } : {}
  const socket = isSecure ? tls.connect({ host, port, ...servername }) : net.connect({ host, port })
  made(null, socket)
}

/** A name and a password in the URL of a proxy prove who asks it. */
function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}
