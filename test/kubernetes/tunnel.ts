import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import type { Test } from 'tap'

/** Starts an HTTP proxy that tunnels, and notes where to. It ends with the test. */
export async function tunnel(t: Test): Promise<{ readonly url: string; readonly destinations: string[] }> {
  const destinations: string[] = []
  const proxy = http.createServer().on('connect', (request, socket) => {
    const destination = request.url ?? ''
    destinations.push(destination)
    const { hostname, port } = new URL(`http://${destination}`)
    const onward = net.connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(onward).pipe(socket)
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  t.teardown(() => proxy.close())
  const address = proxy.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, destinations }
}
