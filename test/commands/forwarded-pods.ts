import type { Server } from 'node:http'
import type { Server as SecureServer } from 'node:https'
import { connect } from 'node:net'
import { WebSocketServer } from 'ws'

/**
 * A list of pods that run, `pod-0` and so on, and one that does not yet.
 *
 * @param operatorPorts what pods name as their port for people's commands, `pod-0` first
 */
export function podList(running: number, operatorPorts: readonly (number | undefined)[] = []): object {
  const annotated = (port: number | undefined) =>
    port === undefined ? {} : { annotations: { 'holdfast.dev/operator-port': `${port}` } }
  const pod = (name: string, phase: string, port?: number) => ({
    metadata: { name, ...annotated(port) },
    status: { phase },
  })
  const items = Array.from({ length: running }, (_, at) => pod(`pod-${at}`, 'Running', operatorPorts[at]))
  return { items: [...items, pod(`pod-${running}`, 'Pending')] }
}

/**
 * Forwards ports of pods as the kubelet does: over a WebSocket with a channel for data and one for errors, each
 * beginning with the port.
 *
 * @param ports where `pod-0`, `pod-1`, … listen on this machine
 */
export function forwardTo(
  server: Server | SecureServer,
  ports: readonly number[],
  onAsked: (url: string) => void,
): void {
  const sockets = new WebSocketServer({ server, handleProtocols: (protocols) => [...protocols][0] ?? false })
  sockets.on('connection', (socket, incoming) => {
    const url = String(incoming.url)
    onAsked(url)
    const tcp = connect(ports[Number(/pod-(\d)/.exec(url)?.[1])] ?? 0, '127.0.0.1')
    const port = Buffer.from([8_081 & 0xff, 8_081 >> 8])
    for (const channel of [0, 1]) socket.send(Buffer.concat([Buffer.from([channel]), port]))
    socket.on('message', (data: Buffer) => void tcp.write(data.subarray(1)))
    tcp.on('data', (data) => socket.send(Buffer.concat([Buffer.from([0]), data])))
    tcp.on('error', () => socket.terminate())
    tcp.on('close', () => socket.close())
    socket.on('close', () => tcp.destroy())
  })
  server.on('close', () => {
    for (const client of sockets.clients) client.terminate()
  })
}
