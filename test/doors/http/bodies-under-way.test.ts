import { once } from 'node:events'
import http, { type ClientRequest, IncomingMessage } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { BodiesUnderWay, type BodyLimits, type KeptBody } from '../../../src/doors/http/bodies-under-way.ts'
import { untilAborted } from '../../../src/time/clock.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { untilHung } from '../../fixtures/limits.ts'

/** Those of whom somebody waits for the answer; all others are answered once their body has come. */
const keeping = 'PUT'

/** A server that reads bodies, and clients on addresses of loopback. Time stops unless a test advances it. */
async function reading(t: Test, limits: Partial<BodyLimits> = {}) {
  let now = 1_000
  const cuts: string[] = []
  const kept: { readonly body: KeptBody; gaveWay: boolean; answer: () => void }[] = []
  const bodies = new BodiesUnderWay(
    { mostBytes: 2_000, mostBytesOfPeer: 2_000, ...limits },
    { now: () => now, onCut: (why) => cuts.push(why) },
  )
  const server = http.createServer((request, response) => {
    request.on('error', () => undefined)
    if (request.method === keeping) {
      const body = bodies.watch(request, () => {
        own.gaveWay = true
        own.answer()
      })
      const answer = () => void response.end()
      const own = { body, gaveWay: false, answer }
      request.on('end', () => kept.push(own)).resume()
      return
    }
    bodies.read(request, () => response.end())
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  /** Sends so much of a body of this size; resolves once it has come. */
  const send = async (bytes: number, localAddress = '127.0.0.1', size = 1_000) => {
    const headers = { 'content-length': size }
    const to = { port, host: '127.0.0.1', localAddress }
    const sent = http.request({ ...to, method: 'POST', headers, agent: false })
    const outcome = outcomeOf(sent)
    const before = bodies.bytes
    const cut = cuts.length
    sent.write('x'.repeat(bytes))
    await eventually(() => bodies.bytes !== before || cuts.length > cut)
    const more = async () => {
      const came = bodies.bytes
      sent.write('x')
      await eventually(() => bodies.bytes !== came || cuts.length > cut)
    }
    return { outcome, more, end: () => sent.end('x'.repeat(size - bytes)), breakOff: () => sent.destroy() }
  }
  /** Sends a whole body that is then kept. */
  const keep = async (bytes: number, localAddress = '127.0.0.1') => {
    const to = { port, host: '127.0.0.1', localAddress }
    const before = kept.length
    const sent = http.request({ ...to, method: keeping, agent: false })
    const outcome = outcomeOf(sent)
    sent.end('x'.repeat(bytes))
    await eventually(() => kept.length > before)
    const own = kept.at(-1)
    if (!own) throw new Error('nothing is kept')
    return { ...own, isKept: () => !own.gaveWay, outcome }
  }
  const pass = (ms: number): void => void (now += ms)
  return { bodies, send, keep, pass, cuts }
}

/** Waits for the outcome of a request, as long as a test may hang. */
function outcomeOf(sent: ClientRequest): () => Promise<number | 'cut'> {
  const outcome = new Promise<number | 'cut'>((resolve) => {
    sent.on('response', (answer) => resolve(answer.resume().statusCode ?? 0))
    sent.on('error', () => resolve('cut'))
  })
  return () => untilAborted(outcome, untilHung())
}

t.test('a body that comes byte by byte counts as the memory that it takes', async (t) => {
  const { bodies, send, cuts } = await reading(t)
  const { more, outcome } = await send(1)
  t.equal(bodies.bytes, 1)
  for (let byte = 2; byte <= 8; byte += 1) await more()
  t.strictSame([bodies.bytes, cuts], [7 * 256, []])
  await more()
  t.equal(await outcome(), 'cut')
  t.strictSame([bodies.bytes, cuts], [0, ['arriving']])
})

t.test('the oldest body that is not whole is cut when there are too many bytes', async (t) => {
  const { bodies, send, cuts } = await reading(t)
  const [first, second] = [await send(900), await send(900)]
  const third = await send(900)
  t.equal(await first.outcome(), 'cut')
  t.equal(bodies.bytes, 1_800)
  second.end()
  third.end()
  t.strictSame([await second.outcome(), await third.outcome()], [200, 200])
  t.equal(bodies.bytes, 0)
  t.strictSame(cuts, ['arriving'])
})

t.test('the peer with the most bytes in memory gives way, not the others', async (t) => {
  const { bodies, send } = await reading(t)
  const other = await send(400, '127.0.0.1')
  const [one, two] = [await send(750, '127.0.0.2'), await send(750, '127.0.0.2')]
  const more = await send(600, '127.0.0.1')
  t.equal(await one.outcome(), 'cut')
  for (const { end, outcome } of [two, more, other]) {
    end()
    t.equal(await outcome(), 200)
  }
  t.equal(bodies.bytes, 0)
})

t.test('old half-sent bodies of many peers give way to a large one that comes quickly', async (t) => {
  const { send, pass, cuts } = await reading(t)
  const strangers = [await send(300, '127.0.0.2'), await send(300, '127.0.0.3'), await send(300, '127.0.0.4')]
  pass(2_000)
  const server = await send(1_500, '127.0.0.1', 1_600)
  t.strictSame(cuts, ['late', 'late'])
  t.strictSame(
    [await strangers[0]?.outcome(), await strangers[1]?.outcome()],
    ['cut', 'cut'],
    'the oldest first',
  )
  server.end()
  t.equal(await server.outcome(), 200)
})

t.test('the peer with the most old half-sent bodies loses one first', async (t) => {
  const { send, pass, cuts } = await reading(t)
  const slow = await send(300, '127.0.0.2', 400)
  const many = [await send(700, '127.0.0.3'), await send(700, '127.0.0.3')]
  pass(2_000)
  await send(600)
  t.equal(await many[0]?.outcome(), 'cut')
  t.strictSame(cuts, ['late'])
  slow.end()
  t.equal(await slow.outcome(), 200)
})

t.test('a body that has arrived, or that its client breaks off, no longer counts', async (t) => {
  const { bodies, send } = await reading(t)
  const { end, outcome } = await send(600)
  t.equal(bodies.bytes, 600)
  end()
  t.equal(await outcome(), 200)
  t.equal(bodies.bytes, 0)
  const { breakOff } = await send(600)
  breakOff()
  await eventually(() => bodies.bytes === 0)
})

t.test('a body that is kept counts until it is released, once', async (t) => {
  const { bodies, keep } = await reading(t)
  const { body, answer, outcome } = await keep(700)
  t.equal(bodies.bytes, 700)
  answer()
  t.equal(await outcome(), 200)
  t.equal(bodies.bytes, 700, 'the answered request may still need it')
  body.release()
  body.release()
  t.equal(bodies.bytes, 0)
})

t.test('the latest kept body of the peer with the most gives way, and is answered', async (t) => {
  const { bodies, keep, cuts } = await reading(t)
  const [first, second] = [await keep(700, '127.0.0.2'), await keep(700, '127.0.0.2')]
  const other = await keep(600)
  t.strictSame([first.isKept(), second.isKept(), other.isKept()], [true, true, true])
  const more = await keep(200)
  t.strictSame([first.isKept(), other.isKept(), more.isKept()], [true, true, true])
  t.equal(await second.outcome(), 200)
  t.equal(bodies.bytes, 1_500)
  t.strictSame(cuts, ['kept'])
})

t.test('a body that is being forwarded does not give way until it waits again', async (t) => {
  const { keep, send, cuts } = await reading(t)
  const { body, isKept } = await keep(1_500)
  body.passing()
  const half = await send(600, '127.0.0.2')
  t.equal(await half.outcome(), 'cut', 'the one that arrives has to')
  t.ok(isKept())
  body.waiting()
  await keep(600, '127.0.0.2')
  t.notOk(isKept())
  t.strictSame(cuts, ['arriving', 'kept'])
})

t.test('one peer alone leaves room for others', async (t) => {
  const { bodies, keep, send, cuts } = await reading(t, { mostBytesOfPeer: 1_500 })
  const first = await keep(1_000)
  const second = await keep(400)
  const half = await send(300)
  t.equal(await half.outcome(), 'cut')
  t.strictSame([first.isKept(), second.isKept()], [true, true])
  const other = await send(500, '127.0.0.2')
  t.equal(bodies.bytes, 1_900)
  t.strictSame(cuts, ['arriving'])
  other.breakOff()
})

t.test('a body of known length counts while a part of it is missing', async (t) => {
  const bodies = new BodiesUnderWay({ mostBytes: 2_000, mostBytesOfPeer: 2_000 }, { now: () => 0 })
  /** Reads a body of ten bytes in these pieces. */
  const read = async (...pieces: readonly string[]) => {
    const message = new IncomingMessage(new Socket())
    const whole: string[] = []
    bodies.read(message, (body) => whole.push(body.toString()), 10)
    const counted: number[] = []
    for (const piece of pieces) {
      const came = once(message, 'data')
      message.push(Buffer.from(piece))
      await came
      counted.push(bodies.bytes)
    }
    message.push(null)
    await once(message, 'close')
    return { whole, counted, after: bodies.bytes }
  }
  t.same(await read('0123456789'), { whole: ['0123456789'], counted: [0], after: 0 })
  t.same(await read('01234', '567'), { whole: ['01234567'], counted: [5, 256], after: 0 })
})
