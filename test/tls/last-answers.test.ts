import { once } from 'node:events'
import { createServer, type RequestListener, type ServerOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { asJson, LastAnswers } from '../../src/tls/last-answers.ts'
import { onceOver } from '../../src/tls/over.ts'
import { ManualTimers } from '../doors/webhook/fake-gate.ts'
import { eventually } from '../fixtures/eventually.ts'
import { halfOpen, stillSending, untilClosed } from '../fixtures/still-sending.ts'

/** A server whose connections end so, and the paths that it was asked for. */
async function listening(t: Test, answer: RequestListener, options: ServerOptions = {}) {
  const timers = new ManualTimers()
  const asked: (string | undefined)[] = []
  const server = createServer(options, (request, response) => {
    asked.push(request.url)
    answer(request, response)
  })
  new LastAnswers({ inWords: asJson, timers }).watch(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, port: (server.address() as AddressInfo).port, timers, asked }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const closing: RequestListener = (_, response) => response.setHeader('connection', 'close').end('last')

t.test('a request behind a last answer is not read', async (t) => {
  const { port, timers, asked } = await listening(t, closing)
  const heard = await halfOpen(t, { port })
  heard.socket.write(get('/first'))
  await once(heard.socket, 'end')
  heard.socket.write(get('/second').repeat(3))
  await new Promise((resolve) => heard.socket.write(get('/third'), resolve))
  timers.fireAll()
  await untilClosed(t, heard.socket)
  t.match(heard.answer, /^HTTP\/1\.1 200 [^]*last$/)
  t.strictSame(asked, ['/first'])
})

t.test('a body whose reading has stopped is read on, and not kept', async (t) => {
  const { port, timers } = await listening(t, (request, response) => {
    request.once('data', () => {
      request.pause()
      closing(request, response)
    })
  })
  const long = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n'
  const { socket, answer } = await stillSending(t, { port }, long)
  t.match(answer, /^HTTP\/1\.1 200 /)
  timers.fireAll()
  await untilClosed(t, socket)
})

t.test('the end of the client ends the wait', async (t) => {
  const { port, timers, server } = await listening(t, closing)
  const { socket } = await halfOpen(t, { port })
  socket.write(get('/'))
  await once(socket, 'end')
  t.equal(timers.waiting.size, 1)
  socket.end()
  await eventually(() => timers.waiting.size === 0)
  server.close()
  await once(server, 'close')
})

t.test('an answer that comes after the last one is not written', async (t) => {
  let late = (): void => undefined
  let over = 0
  const { port, timers } = await listening(t, (_, response) => {
    onceOver(response, () => (over += 1))
    late = () => void response.end('late')
  })
  const heard = await halfOpen(t, { port })
  heard.socket.write(`${get('/')}no HTTP\r\n\r\n`)
  await once(heard.socket, 'end')
  await eventually(() => over === 1)
  late()
  timers.fireAll()
  await untilClosed(t, heard.socket)
  t.match(heard.answer, /^HTTP\/1\.1 400 [^]*{"error":"This is not an HTTP\/1\.1 request\."}$/)
})

t.test('a connection on which nothing came is no late request, and is kept as an idle one', async (t) => {
  const late = { headersTimeout: 20, requestTimeout: 20, connectionsCheckingInterval: 5 }
  const { port, server } = await listening(t, closing, { ...late, keepAliveTimeout: 3_600_000 })
  const failed: unknown[] = []
  server.on('clientError', ({ code }: { code?: string }) => failed.push(code))
  const silent = await halfOpen(t, { port })
  const begun = await halfOpen(t, { port })
  begun.socket.write('GET / HT')
  await once(begun.socket, 'end')
  await eventually(() => failed.length >= 2)
  t.match(begun.answer, /^HTTP\/1\.1 408 [^]*{"error":"The request did not arrive in time\."}$/)
  silent.socket.write(get('/'))
  await once(silent.socket, 'end')
  t.match(silent.answer, /^HTTP\/1\.1 200 /)
})

t.test(
  'a connection that was kept so is closed if nothing comes, and its first answer may take long',
  async (t) => {
    const late = { headersTimeout: 20, requestTimeout: 20, connectionsCheckingInterval: 5 }
    const timeouts: number[] = []
    let answer = (): void => undefined
    const slow: RequestListener = ({ socket }, response) => {
      timeouts.push(socket.timeout ?? 0)
      answer = () => void response.end('slow')
    }
    const { port, server, timers } = await listening(t, slow, { ...late, keepAliveTimeout: 3_600_000 })
    let failed = 0
    server.on('clientError', () => (failed += 1))
    const [unused, used] = [await halfOpen(t, { port }), await halfOpen(t, { port })]
    await eventually(() => failed === 2)
    used.socket.write(get('/'))
    await eventually(() => timeouts.length > 0)
    t.strictSame(timeouts, [0], 'a watch may be silent for longer than an idle connection is kept')
    timers.fireAll()
    await untilClosed(t, unused.socket)
    answer()
    await eventually(() => used.answer.endsWith('slow'))
    t.match(used.answer, /^HTTP\/1\.1 200 /)
  },
)

t.test(
  'a tunnel that is asked for behind an unanswered request cuts the connection, and answers nothing',
  async (t) => {
    const { port, asked } = await listening(t, () => undefined)
    const heard = await halfOpen(t, { port })
    const closed = once(heard.socket, 'close')
    heard.socket.write(`${get('/first')}CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n`)
    heard.socket.once('end', () => heard.socket.end())
    await closed
    t.strictSame(asked, ['/first'])
    t.equal(heard.answer, '', 'the client would take it for the answer to the first')
  },
)
