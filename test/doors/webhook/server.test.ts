import { EventEmitter, once } from 'node:events'
import { connect as connectPlain, createServer, Socket } from 'node:net'
import { connect } from 'node:tls'
import t from 'tap'
import { asJson, LastAnswers } from '../../../src/tls/last-answers.ts'
import { Distrust } from '../../../src/doors/webhook/distrust.ts'
import { defaultWebhookOptions, WebhookServer } from '../../../src/doors/webhook/server.ts'
import { allowed, fakes, held } from './fake-gate.ts'
import { node, review, uid } from './review-builder.ts'
import { running, until } from './running-webhook.ts'
import { testCertificates } from './test-certificates.ts'

const evict = review('Node', {
  before: node({ evictionRequested: false }),
  after: node({ evictionRequested: true }),
})

/** A decision the test gives when it wants to. */
function pendingDecision() {
  const released = new EventEmitter()
  const decision = once(released, 'decide').then(() => allowed())
  return { decision, decide: () => released.emit('decide') }
}

t.test('reviews are answered over TLS and HTTP/1.1', async (t) => {
  const { post, port } = await running(t)
  const { status, body } = await post(evict)
  t.equal(status, 200)
  t.match(JSON.parse(body), { kind: 'AdmissionReview', response: { uid, allowed: true } })
  const { ca } = await testCertificates()
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  await once(socket, 'secureConnect')
  t.equal(socket.alpnProtocol, 'http/1.1')
  socket.destroy()
})

t.test('a connection is kept for 120 s, longer than the API server keeps it', async (t) => {
  const { post, agent } = await running(t)
  const { headers } = await post(evict)
  t.equal(headers['keep-alive'], 'timeout=120')
  const [socket] = Object.values(agent.freeSockets).flat()
  await post(evict)
  t.equal(Object.values(agent.freeSockets).flat()[0], socket, 'the same connection')
})

t.test('a connection kept in reserve outlives headersTimeout and is of use', async (t) => {
  const { silent } = await running(t, { headersTimeoutMs: 50, requestTimeoutMs: 50, lateCheckMs: 10 })
  const [reserve, slow] = [await silent(), await silent()]
  slow.write('POST /validate HT')
  t.match(String((await once(slow, 'data'))[0]), /^HTTP\/1\.1 408 /, 'one that has begun to speak is cut')
  reserve.write('GET /validate HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(String((await once(reserve, 'data'))[0]), /^HTTP\/1\.1 405 /)
})

t.test('an answer that is put off leaves when the guard does', async (t) => {
  const { server, gate, timers, post } = await running(t)
  gate.answer = (change) => Promise.resolve(held(change))
  const username = 'system:serviceaccount:longhorn-system:longhorn-service-account'
  const raised = { before: node({ evictionRequested: false }), after: node({ evictionRequested: true }) }
  const again = review('Node', { ...raised, username })
  await post(again)
  const answer = post(again)
  await until(() => [...timers.waiting].some(({ ms }) => ms === 50))
  const closed = server.close()
  t.match(JSON.parse((await answer).body), { response: { allowed: false } })
  timers.fireAll()
  await closed
})

t.test('bytes that are not HTTP get an error', async (t) => {
  const { silent } = await running(t)
  const socket = await silent()
  socket.write('hello\r\n\r\n')
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 400 [^]*not an HTTP\/1\.1 request/)
  const other = await silent()
  other.write(`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
  t.match(String((await once(other, 'data'))[0]), /^HTTP\/1\.1 431 /)
})

t.test('a new certificate is served to new connections, and open ones stay', async (t) => {
  const { server, post, silent } = await running(t)
  await post(evict)
  const next = await testCertificates()
  server.setCertificate(next.serving)
  t.equal((await post(evict)).status, 200, 'the open connection does not notice')
  await t.resolves(silent(next.ca), 'a new one is served the new certificate')
  await t.rejects(silent(), { code: /CERT|VERIFY|SIGNATURE/ })
})

t.test('a certificate that cannot be served is refused, and the old one stays', async (t) => {
  const { server, silent } = await running(t)
  const [one, two] = [await testCertificates(), await testCertificates()]
  const mismatch = { cert: one.serving.cert, key: two.serving.key }
  for (const pair of [mismatch, { cert: 'no', key: 'no' }, { cert: '', key: '' }]) {
    t.throws(() => server.setCertificate(pair), {
      name: 'UnusableCertificate',
      message: /belong to each other/,
    })
  }
  await t.resolves(silent())
  t.throws(() => new WebhookServer({ ...defaultWebhookOptions, tls: mismatch }, fakes().modules), {
    name: 'UnusableCertificate',
  })
})

t.test('the log warns once for each certificate that a client does not trust', (t) => {
  const { log } = fakes()
  const distrust = new Distrust(log)
  const errors = new LastAnswers({ inWords: asJson, failed: distrust.failed })
  const distrusted = () => {
    const socket = new Socket()
    // The error with which Go's TLS ends a handshake, as Node reports it.
    const alert = Object.assign(new Error('alert'), { code: 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE' })
    socket.on('error', () => undefined)
    errors.onClientError(alert, socket)
    t.equal(socket.destroyed, true)
  }
  distrusted()
  distrusted()
  t.match(log.lines, [{ level: 'warn', message: /caBundle/ }])
  distrust.certificateReplaced()
  distrusted()
  t.equal(log.lines.length, 2)
  t.end()
})

t.test('every running guard is alive, and a guard with enough knowledge is ready', async (t) => {
  const { health, readiness } = await running(t)
  t.match(await health('/livez'), { status: 200 })
  t.match(await health('/readyz'), { status: 200, body: 'Ready.\n' })
  readiness.why = 'not all is known.'
  t.match(await health('/livez'), { status: 200 })
  t.match(await health('/readyz'), { status: 503, body: 'Not ready: not all is known.\n' })
})

t.test('a client that goes away leaves nothing behind', async (t) => {
  const { gate, log, timers, post, server } = await running(t)
  const { decision, decide } = pendingDecision()
  gate.answer = () => decision
  const leaving = new AbortController()
  const answer = post(evict, { signal: leaving.signal })
  await until(() => gate.asked.length === 1)
  leaving.abort()
  await t.rejects(answer, { name: 'AbortError' })
  await until(() => gate.asked[0]?.signal.aborted === true)
  decide()
  await until(() => timers.waiting.size === 0)
  t.same(log.lines, [])
  const closed = server.close()
  timers.fireAll()
  await closed
})

t.test('all reviews of a connection end with it, whichever is answered next', async (t) => {
  const { gate, silent } = await running(t)
  gate.answer = () => pendingDecision().decision
  const socket = await silent()
  const text = JSON.stringify(evict)
  const head = `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`
  socket.write(`${head}${text}`.repeat(3))
  await until(() => gate.asked.length === 3)
  socket.destroy()
  await until(() => gate.asked.every(({ signal }) => signal.aborted))
})

t.test('a client with its answer does not count as one that went away', async (t) => {
  const { gate, post, server, timers } = await running(t)
  await post(evict)
  const closed = server.close()
  timers.fireAll()
  await closed
  t.equal(gate.asked[0]?.signal.aborted, false)
})

t.test('a body that ends too early is no error of ours', async (t) => {
  const { gate, log, silent, post } = await running(t)
  const socket = (await silent()).resume()
  socket.end(
    'POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{',
  )
  await once(socket, 'close')
  t.equal((await post(evict)).status, 200)
  t.equal(gate.asked.length, 1)
  t.same(log.lines, [])
})

t.test('a leaving guard is not ready, still answers, and each answer closes its connection', async (t) => {
  const { server, health, post, timers } = await running(t)
  t.equal((await post(evict)).headers.connection, 'keep-alive')
  const closed = server.close()
  t.match(await health('/readyz'), { status: 503, body: /shutting down/ })
  t.match(await health('/livez'), { status: 200 })
  const { status, headers } = await post(evict)
  t.equal(status, 200)
  t.equal(headers.connection, 'close')
  // The connection is read on until the client has closed it too.
  await until(() => timers.waiting.size === 1)
  t.same(
    [...timers.waiting].map(({ ms }) => ms),
    [10_000],
  )
  timers.fireAll()
  await closed
  await t.rejects(post(evict), { code: 'ECONNREFUSED' })
  await t.rejects(health('/livez'), { code: 'ECONNREFUSED' })
})

t.test('leaving waits for the requests in flight', async (t) => {
  const { server, gate, post, timers } = await running(t)
  const { decision, decide } = pendingDecision()
  gate.answer = () => decision
  const answer = post(evict)
  await until(() => gate.asked.length === 1)
  let gone = false
  const closed = server.close().then(() => (gone = true))
  // The lingering; the timers of the request and of the draining are not touched.
  for (const timer of timers.waiting) if (timer.ms === 10_000) timer.fire()
  await until(() => [...timers.waiting].some(({ ms }) => ms === 15_000))
  t.equal(gone, false)
  decide()
  t.match(await answer, { status: 200, headers: { connection: 'close' } })
  await closed
  t.equal(server.close(), server.close(), 'closing again waits for the same end')
})

t.test('leaving: a request that was on its way is answered as a review, not with 503', async (t) => {
  const { server, silent, post, timers } = await running(t)
  const body = JSON.stringify(evict)
  const head = `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  const socket = await silent()
  socket.write(`${head}\r\n${body}`)
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /)
  socket.write(head)
  await post(evict)
  const closed = server.close()
  for (const timer of timers.waiting) if (timer.ms === 10_000) timer.fire()
  await until(() => [...timers.waiting].some(({ ms }) => ms === 15_000))
  socket.write(`\r\n${body}`)
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 [^]*connection: close/i)
  socket.resume()
  await closed
})

t.test('leaving does not wait for connections on which nothing was asked', async (t) => {
  const { server, silent, timers } = await running(t)
  const reserve = (await silent()).resume()
  const closed = server.close()
  timers.fireAll()
  await once(reserve, 'close')
  await closed
})

t.test('a shutdown cuts reviews that take too long, and logs that', async (t) => {
  const { server, port, gate, log, post, timers } = await running(t)
  gate.answer = () => new Promise(() => undefined)
  const answer = t.rejects(post(evict), { code: 'ECONNRESET' })
  const handshake = connectPlain({ host: '127.0.0.1', port })
  await once(handshake, 'connect')
  await until(() => gate.asked.length === 1)
  const closed = server.close()
  for (const timer of timers.waiting) if (timer.ms === 10_000) timer.fire()
  await until(() => [...timers.waiting].some(({ ms }) => ms === 15_000))
  for (const timer of timers.waiting) if (timer.ms === 15_000) timer.fire()
  await answer
  await closed
  handshake.destroy()
  t.match(log.lines, [{ level: 'warn', message: /were cut/, fields: { connections: 2 } }])
})

t.test('a port in use is named, and nothing listens', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const { serving } = await testCertificates()
  for (const ports of [
    { port, healthPort: 0, what: 'reviews .--port.' },
    { port: 0, healthPort: port, what: 'health .--health-port.' },
  ]) {
    const { modules } = fakes()
    const options = { ...defaultWebhookOptions, ...ports, host: '127.0.0.1', tls: serving }
    const server = new WebhookServer(options, modules)
    await t.rejects(server.start(), {
      name: 'CannotListen',
      message: new RegExp(`Cannot listen on 127.0.0.1 port ${port} for ${ports.what}: .*EADDRINUSE`),
    })
  }
})
