import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { mostPipelined } from '../../../src/doors/http/connection-limit.ts'
import { Health, healthConnections } from '../../../src/doors/http/health.ts'
import { readsAnswers } from '../../fixtures/still-sending.ts'
import { ManualTimers } from '../webhook/fake-gate.ts'

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

t.test('a client that goes on sending reads the whole answer, and is not read for long', async (t) => {
  const timers = new ManualTimers()
  const metrics = () => Promise.resolve('')
  const health = new Health({ contentType: 'text/plain', metrics }, healthConnections, timers)
  t.teardown(() => health.close())
  const port = await health.listen('127.0.0.1', 0)
  const cases = [
    [
      'no HTTP\r\n\r\n',
      /^HTTP\/1\.1 400 Bad Request\r\nContent-Type: text\/plain[^]*\r\n\r\nThis is not an HTTP\/1\.1 request\.\n$/,
    ],
    [
      `GET /livez HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`,
      /^HTTP\/1\.1 431 [^]*\r\n\r\nThe headers of the request are too large\.\n$/,
    ],
    [
      'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 90000000\r\n\r\n',
      /^HTTP\/1\.1 413 /,
    ],
    [
      'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 90000000\r\n\r\n',
      /^HTTP\/1\.1 200 [^]*\r\n\r\nAlive\.\n$/,
    ],
  ] as const
  await readsAnswers(t, { port }, cases, () => timers.fireAll())
})
