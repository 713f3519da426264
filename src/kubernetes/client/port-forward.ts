import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { type Clock, systemClock } from '../../time/clock.ts'
import { type Credentials, loadCredentials, type Proof } from './credentials.ts'
import { type ConfigSearch, findConfig } from './find-config.ts'
import { tunnelTo } from './route.ts'
import { inWords } from '../../text/system-error.ts'

/** A port of this machine that leads into a pod. */
export interface ForwardedPort {
  /** `http://127.0.0.1:…` */
  readonly url: string
  /** The pod; the address itself if there is none. */
  readonly name: string
  readonly close: () => void
}

/** The target. */
interface PodPort {
  readonly namespace: string
  readonly pod: string
  /** It may listen on the pod's loopback only. */
  readonly port: number
}

/**
 * Limit for opening a connection, in milliseconds. A proxy before the API server may not know upgrades and
 * never answer one.
 */
const openMs = 5_000

/** The kubelet's protocol: each message begins with the number of its channel. */
const protocol = 'v4.channel.k8s.io'
const dataChannel = 0
const errorChannel = 1

/**
 * Opens a tunnel into a pod, as `kubectl port-forward` does. The user of the kubeconfig needs the right to
 * create `pods/portforward`. The first request to the API server comes with the first connection.
 *
 * @param onProblem called if a connection cannot be forwarded; it is then closed
 * @throws Error about the kubeconfig
 */
export async function forwardPort(
  search: ConfigSearch,
  { namespace, pod, port }: PodPort,
  onProblem: (error: Error) => void,
  clock: Clock = systemClock,
): Promise<ForwardedPort> {
  const credentials = await loadCredentials(findConfig(search), search)
  // Loaded here, since most commands reach no pod.
  const { WebSocket } = await import('ws')
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/portforward?ports=${port}`
  const sockets = new Set<Socket>()
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    const problem = (error: unknown): void => {
      socket.destroy()
      onProblem(new Error(`Cannot reach port ${port} of pod ${pod}: ${inWords(error)}`, { cause: error }))
    }
    credentials
      .prove()
      .then((proof) => forward(socket, { credentials, proof, path, clock, problem, WebSocket }), problem)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  const local = typeof address === 'object' && address ? address.port : 0
  const close = (): void => {
    server.close()
    // An HTTP client keeps idle connections.
    for (const socket of sockets) socket.destroy()
  }
  return { url: `http://127.0.0.1:${local}`, name: pod, close }
}

interface Forwarding {
  readonly credentials: Credentials
  readonly proof: Proof
  readonly path: string
  readonly clock: Clock
  readonly problem: (error: unknown) => void
  readonly WebSocket: typeof WebSocket
}

/** Joins a connection with one into the pod. */
function forward(socket: Socket, forwarding: Forwarding): void {
  if (socket.destroyed) return
  const { credentials, proof, path, clock, problem, WebSocket } = forwarding
  const { server, proxy } = credentials
  const way = tunnelTo(server, proxy, proof.tls)
  const url = `${server.protocol === 'https:' ? 'wss' : 'ws'}://${server.host}${server.pathname.replace(/\/$/, '')}${path}`
  const pod = new WebSocket(url, protocol, {
    agent: way.agent,
    perMessageDeflate: false,
    // Set here since a header may have several values.
    finishRequest: (request) => {
      for (const [name, value] of Object.entries(proof.headers)) request.setHeader(name, value)
      request.end()
    },
  })
  const cancel = clock.setTimer(openMs, () => {
    problem(new Error(`the API server, or a proxy before it, did not answer within ${openMs / 1_000} s`))
    pod.terminate()
  })
  pod.on('open', () => {
    cancel()
    socket.on('data', (data: Buffer) => pod.send(Buffer.concat([Buffer.from([dataChannel]), data])))
    socket.resume()
  })
  const channels = new Channels()
  pod.on('message', (data) => {
    const { channel, content } = channels.read(data)
    if (content.length === 0) return
    if (channel === dataChannel) socket.write(content)
    else if (channel === errorChannel) problem(new Error(content.toString('utf8').trim()))
  })
  pod.on('error', (error) => {
    // The end of an abandoned connection needs no report.
    if (!socket.destroyed) problem(error)
  })
  pod.on('close', () => {
    cancel()
    socket.end()
    way.close()
  })
  socket.once('close', () => {
    if (pod.readyState === WebSocket.CONNECTING) pod.terminate()
    else pod.close()
  })
}

/** Splits messages. The first two bytes of each channel are the port. */
class Channels {
  readonly #begun = new Set<number>()

  read(data: RawData): { readonly channel: number; readonly content: Buffer } {
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(Array.isArray(data) ? data : [Buffer.from(data)])
    const channel = bytes[0] ?? 0
    const begins = !this.#begun.has(channel)
    this.#begun.add(channel)
    return { channel, content: bytes.subarray(begins ? 3 : 1) }
  }
}
