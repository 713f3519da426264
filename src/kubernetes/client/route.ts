import http from 'node:http'
import https from 'node:https'
import net, { BlockList, isIP } from 'node:net'
import tls from 'node:tls'
import { onAbort } from '../../time/clock.ts'
import { tunnelThrough } from './proxy-tunnel.ts'
import type { TlsMaterial } from './tls-material.ts'
import { parsedUrl } from './url.ts'

/** The route of requests to a server. */
export interface Way {
  /** Keeps connections for the next request. */
  readonly agent: http.Agent
  /**
   * Makes a new connection for each request, on the same route. It serves requests whose reused connection
   * was lost.
   */
  readonly fresh: http.Agent
  /** The prefix for the path of a request: a plain HTTP proxy wants the whole URL. */
  readonly prefix: string
  /** For that proxy. */
  readonly headers: Readonly<Record<string, string>>
  /** Closes all connections, also those that are being made. */
  close(): void
}

/** The target of a connection that is to be made, with TLS material. */
type Target = tls.ConnectionOptions & { readonly host?: string; readonly port?: string | number }
type Made = (error: Error | null, socket?: net.Socket) => void
type Connect = (target: Target, made: Made) => void

/**
 * An idle connection is closed after this. API servers close it after 90 s, many load balancers after 60 s,
 * and a request on a connection that is just being closed fails.
 */
const kept: http.AgentOptions = { keepAlive: true, timeout: 50_000, maxFreeSockets: 256 }

/**
 * The route to a server: direct, or through a proxy as Go uses it. TLS goes through a tunnel (CONNECT, or
 * SOCKS 5, which resolves the name of the server). For plain HTTP the proxy itself gets the request.
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
 * The same with a tunnel through any proxy, for upgraded connections, which are not HTTP from end to end.
 *
 * @param material for all connections, if a request has none
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
 * The TLS material for an HTTPS proxy: the same as for the server, since Go's http.Transport has one
 * TLSClientConfig for both (net/http, addTLS). That includes tls-server-name.
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

/** The supported schemes of proxies: those of Go. */
export function isProxyScheme(protocol: string): boolean {
  return /^(https?|socks5h?):$/.test(protocol)
}

function isSocks({ protocol }: URL): boolean {
  return protocol.startsWith('socks5')
}

interface Making extends Partial<Pick<Way, 'prefix' | 'headers'>> {
  readonly ended: AbortController
  readonly material?: TlsMaterial
  /** Makes a connection; without it, a direct one is made. */
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

/**
 * The agent keeps sockets of different certificates apart, so a rotated certificate takes effect with the
 * next request.
 */
function agentFor(server: URL, options: https.AgentOptions, connect?: Connect): http.Agent {
  const agent = server.protocol === 'http:' ? new http.Agent(options) : new https.Agent(options)
  return connect ? Object.assign(agent, { createConnection: connect }) : agent
}

/** Returns a connection once it is encrypted, so that requests go out on a ready one. */
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

/**
 * Connects to the plain HTTP proxy itself. As in client-go, the certificates of a kubeconfig do not apply to
 * an HTTP server.
 */
function reach(proxy: URL, made: Made): void {
  const host = proxy.hostname.replace(/^\[|\]$/g, '')
  const isSecure = proxy.protocol === 'https:'
  const port = proxy.port === '' ? (isSecure ? 443 : 80) : Number(proxy.port)
  const servername = net.isIP(host) === 0 ? { servername: host } : {}
  const socket = isSecure ? tls.connect({ host, port, ...servername }) : net.connect({ host, port })
  made(null, socket)
}

/** The name and password in the URL of a proxy are its credentials. */
function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'Proxy-Authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Variables of an environment, by name. */
type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that the environment names for a server, as Go's `golang.org/x/net/http/httpproxy` finds it, so
 * it is the one of kubectl. It reads HTTPS_PROXY or HTTP_PROXY by the scheme of the server, upper case before
 * lower case. This machine and the hosts in NO_PROXY get none. (Packages for Node differ in CIDR blocks,
 * ports and order.)
 *
 * @returns undefined for none
 */
export function proxyFromEnvironment(server: URL, environment: Environment): URL | undefined {
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  const proxy = proxyUrl(either(environment, name))
  if (proxy === undefined) return undefined
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = server.port === '' ? (server.protocol === 'https:' ? '443' : '80') : server.port
  const isNear = host === 'localhost' || (isIP(host) !== 0 && loopback.check(host, familyOf(host)))
  const rules = either(environment, 'NO_PROXY').split(',')
  return isNear || rules.some((rule) => excludes(rule.trim().toLowerCase(), host, port)) ? undefined : proxy
}

function either(environment: Environment, name: string): string {
  const upper = environment[name] ?? ''
  return upper === '' ? (environment[name.toLowerCase()] ?? '') : upper
}

/** `host:port` alone is an HTTP proxy. Like Go, it ignores a value that is no URL even then. */
function proxyUrl(text: string): URL | undefined {
  if (text === '') return undefined
  const whole = /^[a-z][a-z0-9+.-]*:\/\/./i.test(text) ? text : `http://${text}`
  return parsedUrl(whole)
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * True if one rule of NO_PROXY matches this server. A domain matches its subdomains too; `.domain` matches
 * only those.
 */
function excludes(rule: string, host: string, port: string): boolean {
  if (rule === '') return false
  if (rule === '*') return true
  const block = blockOf(rule)
  if (block) return isIP(host) !== 0 && block.check(host, familyOf(host))
  const { name, only } = withPort(rule)
  if (name === '' || (only !== undefined && only !== port)) return false
  if (isIP(name) !== 0) return isIP(host) !== 0 && addressList(name).check(host, familyOf(host))
  const domain = name.startsWith('*.') ? name.slice(1) : name
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

/** `10.0.0.0/8` or `fd00::/8`. */
function blockOf(rule: string): BlockList | undefined {
  const [, address = '', bits = ''] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(rule) ?? []
  const family = isIP(address)
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128)) return undefined
  const list = new BlockList()
  list.addSubnet(address, Number(bits), familyOf(address))
  return list
}

/** Compares addresses, not their texts: `fd00::1` is `fd00:0::1`. */
function addressList(address: string): BlockList {
  const list = new BlockList()
  list.addAddress(address, familyOf(address))
  return list
}

/** `host:port`, `[address]:port` or either without a port. An IPv6 address contains colons. */
function withPort(rule: string): { readonly name: string; readonly only: string | undefined } {
  if (isIP(rule) !== 0) return { name: rule, only: undefined }
  const [, bracketed, plain, only] = /^(?:\[([^\]]*)\]|([^:]*)):(\d*)$/.exec(rule) ?? []
  if (only === undefined) return { name: rule, only }
  return { name: bracketed ?? plain ?? '', only: only === '' ? undefined : only }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
