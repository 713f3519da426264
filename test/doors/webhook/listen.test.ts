import { networkInterfaces } from 'node:os'
import { fastify } from 'fastify'
import t from 'tap'
import { anyAddress, CannotListen, listen, portOf } from '../../../src/doors/http/listen.ts'
import { defaultWebhookOptions } from '../../../src/doors/webhook/server.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === '::1'),
)
const skip = hasIPv6 ? false : 'this machine has no IPv6'

t.test('a server listens on addresses of both families by default', { skip }, async (t) => {
  const app = fastify().get('/', () => 'here')
  t.teardown(() => app.close())
  await listen(app, 'a test', defaultWebhookOptions.host, 0)
  for (const host of ['127.0.0.1', '[::1]']) {
    t.equal(await (await fetch(`http://${host}:${portOf(app)}/`)).text(), 'here', host)
  }
})

t.test('a server without IPv6 listens on all addresses of IPv4', async (t) => {
  const none = () => Promise.reject(Object.assign(new Error('no IPv6'), { code: 'EAFNOSUPPORT' }))
  t.equal(await anyAddress('::', none), '0.0.0.0')
  t.equal(await anyAddress('::1', none), '::1', 'one address is no other')
  t.equal(await anyAddress('127.0.0.1', none), '127.0.0.1')
})

t.test('a port in use is an error with its address', { skip }, async (t) => {
  const [first, second] = [fastify(), fastify()]
  t.teardown(() => Promise.all([first.close(), second.close()]))
  await listen(first, 'a test', '::1', 0)
  const failure: unknown = await listen(second, 'a test (--port)', '::1', portOf(first)).catch(
    (error: unknown) => error,
  )
  t.ok(failure instanceof CannotListen)
  t.match(failure, {
    message:
      /^Cannot listen on ::1 port \d+ for a test \(--port\): another program listens there already \(EADDRINUSE\)\. Choose another/,
  })
})
