import type http from 'node:http'
import type { Duplex } from 'node:stream'
import { timerMs } from '../../time/clock.ts'
import { ClientGone } from './door.ts'
import { endToEnd } from './headers.ts'
import { tooSlow, unreachable } from './relay-failure.ts'
import { headersFor, pathTo, send, type Upstream, whenConnected } from './relay.ts'

/** A client that wants another protocol on its connection: WebSocket, or SPDY as kubectl exec does. */
interface Upgrade {
  readonly request: http.IncomingMessage
  readonly socket: Duplex
  /** The bytes that came after the headers. */
  readonly head: Buffer
}

/** The result of an upgrade. */
type Tunnel =
  /** Both sides talk; the caller is done. */
  | { readonly outcome: 'open' }
  /** The upstream does not switch: an ordinary answer. */
  | { readonly outcome: 'answered'; readonly answer: http.IncomingMessage }

/** How long the upstream may take to agree, in milliseconds. */
interface TunnelLimits {
  readonly answerMs: number
}

/**
 * Asks the upstream for the same upgrade, and then passes bytes both ways until either side ends. It inspects
 * nothing: the protocol of exec or port-forward may change.
 *
 * @throws RelayFailure
 */
export async function tunnel(
  upstream: Upstream,
  { request, socket, head }: Upgrade,
  { answerMs }: TunnelLimits,
): Promise<Tunnel> {
  const { server } = upstream
  const { headers: proof, ...options } = await upstream.options()
  return new Promise((resolve, reject) => {
    if (socket.destroyed) {
      reject(new ClientGone())
      return
    }
    const asked = send(server, {
      ...options,
      method: request.method,
      path: pathTo(server, request.url ?? '/'),
      // With `Connection` and `Upgrade`, which are the point here.
      headers: headersFor(upstream, { headers: proof }, request.rawHeaders),
    })
    let isConnected = false
    whenConnected(asked, () => (isConnected = true))
    const timer = setTimeout(() => asked.destroy(tooSlow(server, isConnected, answerMs)), timerMs(answerMs))
    const giveUp = (): void => void asked.destroy()
    socket.once('close', giveUp)
    const settle = (): void => {
      clearTimeout(timer)
      socket.off('close', giveUp)
    }
    asked.on('error', (error) => {
      settle()
      reject(error.name === 'RelayFailure' ? error : unreachable(server, isConnected, error))
    })
    asked.on('response', (answer) => {
      settle()
      socket.once('close', () => answer.destroy())
      resolve({ outcome: 'answered', answer })
    })
    asked.on('upgrade', (answer, other, otherHead) => {
      settle()
      socket.write(headOf(answer))
      if (otherHead.length > 0) socket.write(otherHead)
      if (head.length > 0) other.write(head)
      join(socket, other)
      join(other, socket)
      resolve({ outcome: 'open' })
    })
    asked.end()
  })
}

/** A half-closed connection stays open in the other direction: SPDY streams end one after the other. */
function join(from: Duplex, to: Duplex): void {
  from.on('error', () => to.destroy())
  from.on('close', () => {
    // Bytes from before the end are still to be written.
    if (from.readableEnded) to.end(() => to.destroy())
    else to.destroy()
  })
  from.pipe(to)
}

/** The head of an answer as bytes, with all headers unchanged. */
function headOf({ statusCode = 502, statusMessage = '', rawHeaders }: http.IncomingMessage): string {
  return headWith(`${statusCode} ${statusMessage}`, rawHeaders)
}

/** The same for an answer whose body ends with the connection. */
export function closingHeadOf({
  statusCode = 502,
  statusMessage = '',
  rawHeaders,
}: http.IncomingMessage): string {
  return headWith(`${statusCode} ${statusMessage}`, [...endToEnd(rawHeaders), 'Connection', 'close'])
}

function headWith(status: string, rawHeaders: readonly string[]): string {
  let head = `HTTP/1.1 ${status}\r\n`
  for (let at = 0; at < rawHeaders.length; at += 2) head += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`
  return `${head}\r\n`
}
