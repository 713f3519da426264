import type { Socket } from 'node:net'
import type { Log } from './ports.ts'
import { SaidOnce } from './said-once.ts'
import { peerAddress } from '../text/peer-address.ts'

/** What goes wrong on a connection before there is a request, as Node reports it. */
export type ConnectionError = Error & { readonly code?: string }

/** The alerts of a client that does not accept our certificate; Go's is BAD_CERTIFICATE. */
const distrust =
  /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE)/

/** Deals with connections that fail before there is a request to answer. */
export class ClientErrors {
  readonly #keepAliveTimeoutMs: number
  readonly #log: Log
  #said = new SaidOnce()

  constructor(keepAliveTimeoutMs: number, log: Log) {
    this.#keepAliveTimeoutMs = keepAliveTimeoutMs
    this.#log = log
  }

  /** Takes what `clientError` of Node's server gives, which is where failed handshakes end as well. */
  readonly onClientError = (error: ConnectionError, socket: Socket): void => {
    this.#noteDistrust(error, socket)
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) {
      // Node counts headersTimeout from the moment a connection opens. Go opens more than it needs and keeps the
      // others for later; it does not replay a POST that meets a closing one (kubernetes.md, Connections).
      socket.setTimeout(this.#keepAliveTimeoutMs)
      return
    }
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    // Below HTTP nobody would read an HTTP answer.
    if (socket.writable && error.code?.startsWith('ERR_SSL') !== true) socket.write(response(error.code))
    socket.destroy(error)
  }

  /** After the certificate was replaced, distrust is news again. */
  certificateReplaced(): void {
    this.#said = new SaidOnce()
  }

  /** If it is the API server that does not trust the certificate, no review ever arrives. */
  #noteDistrust({ code }: ConnectionError, socket: Socket): void {
    if (code === undefined || !distrust.test(code) || !this.#said.isNew(code)) return
    this.#log.warn(
      { code, client: peerAddress(socket.remoteAddress) },
      'a client does not trust the serving certificate; if it is the API server, the caBundle of the ValidatingWebhookConfiguration does not belong to it',
    )
  }
}

function response(code: string | undefined): string {
  const [status, error] =
    code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'The request did not arrive in time.']
      : code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'The headers of the request are too large.']
        : ['400 Bad Request', 'This is not an HTTP/1.1 request.']
  const body = JSON.stringify({ error })
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
