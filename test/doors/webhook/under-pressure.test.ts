import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Health, healthConnections } from '../../../src/doors/http/health.ts'
import { node, review, uid } from './review-builder.ts'
import { running, until } from './running-webhook.ts'

const evict = review('Node', {
  before: node({ evictionRequested: false }),
  after: node({ evictionRequested: true }),
})

const head = (length: number) =>
  `POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

t.test('bodies that do not come whole are cut when they are too many, and reviews go on', async (t) => {
  const { post, silent, log } = await running(t, { bodies: { mostBytes: 100_000, mostBytesOfPeer: 100_000 } })
  const half = async () => {
    const socket = await silent()
    const closed = once(socket, 'close')
    socket.on('error', () => undefined)
    socket.write(head(60_000) + ' '.repeat(59_999))
    return { socket, closed }
  }
  const [first, second] = [await half(), await half()]
  await first.closed
  t.notOk(second.socket.destroyed)
  const third = await half()
  await second.closed
  const { status, body } = await post(evict)
  t.equal(status, 200)
  t.match(JSON.parse(body), { response: { uid, allowed: true } })
  t.notOk(third.socket.destroyed, 'one alone is no pressure')
  t.strictSame(log.lines, [])
})

t.test('idle connections give way to those of reviews', async (t) => {
  const { post, silent } = await running(t, { connections: { most: 3, mostOfPeer: 3 } })
  const idle = [await silent(), await silent(), await silent()]
  t.equal((await post(evict)).status, 200)
  await until(() => idle.some(({ closed }) => closed))
  await silent()
  await until(() => idle.filter(({ closed }) => closed).length === 2)
  t.equal((await post(evict)).status, 200, 'the connection that was used stays')
})

t.test('idle connections give way to those of probes at the health port', async (t) => {
  const reasons: string[] = []
  const traffic = {
    closed: (why: string) => void reasons.push(why),
    cut: () => undefined,
    refused: () => undefined,
    passed: () => undefined,
  }
  const metrics = { contentType: 'text/plain', metrics: () => Promise.resolve('') }
  const health = new Health(metrics)
  health.answerFrom({ unready: () => undefined, leaving: () => false, traffic })
  const port = await health.listen('127.0.0.1', 0)
  t.teardown(() => health.close())
  const idle = Array.from({ length: healthConnections.mostOfPeer }, () => connect(port, '127.0.0.1'))
  for (const socket of idle) {
    socket.on('error', () => undefined).resume()
    t.teardown(() => socket.destroy())
  }
  await Promise.all(idle.map((socket) => once(socket, 'connect')))
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200)
  await until(() => idle.some(({ closed }) => closed))
  t.strictSame(reasons, ['idle'])
})
