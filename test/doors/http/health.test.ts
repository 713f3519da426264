import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { mostPipelined } from '../../../src/doors/http/connection-limit.ts'
import { Health } from '../../../src/doors/http/health.ts'

t.test('a burst of requests on one connection makes no page of metrics for each', async (t) => {
  let pages = 0
  const metrics = () => Promise.resolve(String((pages += 1)))
  const health = new Health({ contentType: 'text/plain', metrics })
  t.teardown(() => health.close())
  const port = await health.listen('127.0.0.1', 0)
  const socket = connect(port, '127.0.0.1').resume()
  socket.on('error', () => undefined)
  socket.write('GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n'.repeat(1_000))
  await once(socket, 'close')
  t.equal(await (await fetch(`http://127.0.0.1:${port}/livez`)).text(), 'Alive.\n')
  t.ok(pages <= mostPipelined, `${pages} pages`)
})
