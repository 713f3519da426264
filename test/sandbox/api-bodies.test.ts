import t from 'tap'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { readsAnswers } from '../fixtures/still-sending.ts'
import { node } from './api/objects.ts'
import { longhornPath, started } from './api/started.ts'

t.test('a body that is nested too deep is answered 400, for any kind', async (t) => {
  const { ask } = await started(t)
  await ask('POST', 'nodes', { body: node('n1') })
  const send = async (method: string, path: string, levels: number) => {
    const body = JSON.stringify(node('n1')).replace(/}$/, `,"x":${'['.repeat(levels)}${']'.repeat(levels)}}`)
    return (await ask(method, path, { body })).code
  }
  for (const levels of [1_500, 30_000]) {
    t.equal(await send('POST', 'nodes', levels), 400)
    t.equal(await send('PUT', 'nodes/n1', levels), 400)
    t.equal(await send('PATCH', 'nodes/n1', levels), 400)
  }
  t.equal(await send('PATCH', 'nodes/n1', 100), 200)
})

t.test('a body that is too large is a 413, and the connection ends', async (t) => {
  const { ask } = await started(t, { maxBodyBytes: 1_000 })
  const { code, headers, body } = await ask('POST', 'nodes', { body: ' '.repeat(200_000) })
  t.equal(code, 413)
  t.equal(headers.get('connection'), 'close')
  t.match(body, { reason: 'RequestEntityTooLarge', message: /larger than 1000 bytes/ })
})

t.test('a client that goes on sending reads the whole answer, and is not read for long', async (t) => {
  const clock = new FakeClock()
  const { api } = await started(t, { clock })
  const port = Number(new URL(api.url).port)
  const long = 'Host: x\r\nContent-Length: 90000000\r\n'
  const cases = [
    [
      'no HTTP\r\n\r\n',
      /^HTTP\/1\.1 400 [^]*"message":"This is not an HTTP\/1\.1 request\.","reason":"BadRequest"/,
    ],
    [
      `GET /api HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`,
      /^HTTP\/1\.1 431 [^]*headers of the request are too large/,
    ],
    [
      `POST ${longhornPath}nodes HTTP/1.1\r\n${long}\r\n`,
      /^HTTP\/1\.1 413 [^]*which is what the server reads at most/,
    ],
    [
      `POST /nothing HTTP/1.1\r\nConnection: close\r\n${long}\r\n`,
      /^HTTP\/1\.1 404 [^]*could not find the requested resource/,
    ],
  ] as const
  await readsAnswers(t, { port }, cases, () => clock.advance(1_000))
})
