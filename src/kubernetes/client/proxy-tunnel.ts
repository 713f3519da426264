import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { onAbort } from '../../time/clock.ts'
import { isDistrust } from './failures.ts'
import type { TlsMaterial } from './tls-material.ts'
import { shownUrl } from './url.ts'
import { inWords } from '../../text/system-error.ts'

/** Limit for opening a tunnel, in milliseconds. */
const withinMs = 30_000

/** The target of a tunnel; the host without brackets. */
interface TunnelTarget {
  readonly host: string
  readonly port: number
}

interface TunnelOptions {
  /** For the proxy, with CONNECT. */
  readonly headers: Readonly<Record<string, string>>
  /** For the connection to an HTTPS proxy: trust and credentials. */
  readonly tls: TlsMaterial
  /** Cancels the attempt. */
  readonly signal: AbortSignal
}

/**
 * Asks a proxy for a connection to a target, with CONNECT or by SOCKS 5.
 *
 * @throws Error that names the proxy
 */
export async function tunnelThrough(
  proxy: URL,
  target: TunnelTarget,
  options: TunnelOptions,
): Promise<net.Socket> {
  return proxy.protocol.startsWith('socks5')
    ? await throughSocks(proxy, target, options.signal)
    : await throughConnect(proxy, target, options)
}

/** The proxy resolves the name, as with Go. */
async function throughSocks(
  proxy: URL,
  { host, port }: TunnelTarget,
  signal: AbortSignal,
): Promise<net.Socket> {
  const { hostname, username, password } = proxy
  const login =
    username === '' ? {} : { userId: decodeURIComponent(username), password: decodeURIComponent(password) }
  // Loaded here, since few proxies speak SOCKS.
  const { SocksClient } = await import('socks')
  signal.throwIfAborted()
  try {
    const { socket } = await SocksClient.createConnection({
      proxy: { host: bare(hostname), port: proxy.port === '' ? 1080 : Number(proxy.port), type: 5, ...login },
      command: 'connect',
      destination: { host, port },
      timeout: withinMs,
    })
    return socket
  } catch (cause) {
    const why = inWords(cause)
    throw new Error(`the proxy ${shownUrl(proxy)} did not connect to ${host}:${port}: ${why}`, { cause })
  }
}

async function throughConnect(
  proxy: URL,
  { host, port }: TunnelTarget,
  { headers, tls, signal }: TunnelOptions,
): Promise<net.Socket> {
  const target = `${net.isIPv6(host) ? `[${host}]` : host}:${port}`
  const isSecure = proxy.protocol === 'https:'
  const asked = (isSecure ? https : http).request({
    method: 'CONNECT',
    host: bare(proxy.hostname),
    port: proxy.port === '' ? (isSecure ? 443 : 80) : Number(proxy.port),
    path: target,
    agent: false,
    setHost: false,
    ...(isSecure ? { ...serverName(proxy), ...tls } : {}),
    headers: { host: target, connection: 'keep-alive', ...headers },
  })
  return await new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      end()
      asked.destroy()
      reject(new Error(`the proxy ${shownUrl(proxy)} did not connect to ${target}: ${why}`, { cause }))
    }
    const timer = setTimeout(() => fail(`no answer within ${withinMs / 1_000} s`), withinMs)
    const end = (): void => {
      clearTimeout(timer)
      forget()
    }
    const forget = onAbort(signal, () => fail('it is not wanted any more', signal.reason))
    // Stays: an error may come after the end.
    asked.on('error', (error) => {
      const distrusted =
        'its own certificate is not trusted (as with kubectl, it has to be signed by the certificate-authority of the cluster)'
      fail(isDistrust(error) ? `${distrusted}: ${inWords(error)}` : inWords(error), error)
    })
    asked.once('connect', ({ statusCode = 0, statusMessage = '' }, socket: net.Socket, head) => {
      if (statusCode < 200 || statusCode > 299) {
        socket.destroy()
        fail(`it answered ${statusCode} ${statusMessage}`.trim())
        return
      }
      end()
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asked.end()
  })
}

/** Without it Node would send the name of the Host header, which is that of the target. */
function serverName({ hostname }: URL): TlsMaterial {
  const host = bare(hostname)
  return { servername: net.isIP(host) === 0 ? host : '' }
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
