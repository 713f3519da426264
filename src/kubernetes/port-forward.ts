import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { findConfig, type ConfigSearch } from './config-source.ts'
import { loadKubeConfig } from './credentials.ts'
import { errorText } from './error-text.ts'

/** A port of this machine that leads into a pod. */
export interface ForwardedPort {
  /** `http://127.0.0.1:…` */
  readonly url: string
  readonly close: () => void
}

/** Where to. */
export interface PodPort {
  readonly namespace: string
  readonly pod: string
  /** It may listen on the pod's loopback only. */
  readonly port: number
}

/**
 * Opens a way into a pod, as `kubectl port-forward` does, with the rights of whoever the kubeconfig is of: to create
 * `pods/portforward`. Nothing is asked of the API server until the first connection.
 *
 * @param onProblem told when a connection cannot be forwarded; it is then closed
 * @throws Error that says what is wrong with the kubeconfig
 */
export async function forwardPort(
  search: ConfigSearch,
  { namespace, pod, port }: PodPort,
  onProblem: (error: Error) => void,
): Promise<ForwardedPort> {
  const { PortForward } = await import('@kubernetes/client-node')
  const config = await loadKubeConfig(findConfig(search), search.context)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    new PortForward(config, true).portForward(namespace, pod, [port], socket, null, socket).then(
      (opened) => {
        // With a count of retries it would be a function; without, it is the WebSocket.
        const webSocket = typeof opened === 'function' ? opened() : opened
        if (!webSocket) return
        socket.once('close', () => webSocket.close())
        webSocket.onclose = () => socket.end()
        webSocket.onerror = () => socket.destroy()
      },
      (error: unknown) => {
        socket.destroy()
        onProblem(new Error(`Cannot reach port ${port} of pod ${pod}: ${refusalOf(error)}`, { cause: error }))
      },
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  const local = typeof address === 'object' && address ? address.port : 0
  const close = (): void => {
    server.close()
    // An HTTP client keeps its connections for later.
    for (const socket of sockets) socket.destroy()
  }
  return { url: `http://127.0.0.1:${local}`, close }
}

/** The WebSocket gives an event, not an error. */
function refusalOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return errorText(error.message)
  return errorText(error)
}
