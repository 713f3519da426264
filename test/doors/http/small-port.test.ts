import { once } from 'node:events'
import t from 'tap'
import { asJson } from '../../../src/tls/last-answers.ts'
import { listen, portOf } from '../../../src/doors/http/listen.ts'
import { smallPort } from '../../../src/doors/http/small-port.ts'
import { halfOpen, untilClosed } from '../../fixtures/still-sending.ts'
import { ManualTimers } from '../webhook/fake-gate.ts'

t.test('the body of an answered request is not read for ever', async (t) => {
  const timers = new ManualTimers()
  const app = smallPort({ inWords: asJson, timers, requestTimeoutMs: 40, lateCheckMs: 5 })
  app.get('/', (_request, reply) => reply.send('fine'))
  await listen(app, 'test', '127.0.0.1', 0)
  t.teardown(() => app.close())
  const heard = await halfOpen(t, { port: portOf(app) })
  heard.socket.write('GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n')
  await once(heard.socket, 'end')
  t.match(heard.answer, /^HTTP\/1\.1 200 [^]*fineHTTP\/1\.1 408 [^]*"The request did not arrive in time\."}$/)
  timers.fireAll()
  await untilClosed(t, heard.socket)
})
