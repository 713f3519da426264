import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import t, { type Test } from 'tap'
import type { ProxyDoor, ProxyOptions } from '../../../src/doors/proxy/door.ts'
import { KubernetesDoor } from '../../../src/doors/proxy/kubernetes/door.ts'
import { errorAnswer, LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { untilAborted } from '../../../src/time/clock.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const digest = (...parts: string[]): string => createHash('sha256').update(parts.join('')).digest('hex')

/** Answers with a digest of the body. */
const digesting: http.RequestListener = (request, response) => {
  const hash = createHash('sha256')
  request.on('data', (chunk: Buffer) => hash.update(chunk))
  request.on('end', () => response.end(hash.digest('hex')))
}

const node = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1'
const doors = [
  {
    api: 'kubernetes',
    line: `PATCH ${node}`,
    doorOf: (enforces: boolean) =>
      new KubernetesDoor(
        { longhornNamespace: 'longhorn-system', holdMs: 0 },
        { ...unasked, ...admitting().modules, whoIs: ann, enforces },
      ),
  },
  {
    api: 'longhorn',
    line: 'PUT /v1/nodes/n1',
    doorOf: (enforces: boolean) =>
      new LonghornDoor({ holdMs: 0, userHeader: undefined }, { ...unasked, enforces }),
  },
]

/** Room for so many bytes of bodies. */
const room = (mostBytes: number) => ({ mostBytes, mostBytesOfPeer: mostBytes })

/** Sends to a proxy before an upstream that digests, in as many parts as one likes. */
async function sending(t: Test, door: ProxyDoor, line: string, options: Partial<ProxyOptions>) {
  const proxy = await beforeUpstream(t, digesting, () => door, options)
  const [method = '', path = ''] = line.split(' ')
  const open = (headers: http.OutgoingHttpHeaders = {}) => {
    const sent = http.request({ port: proxy.port, host: '127.0.0.1', method, path, headers, agent: false })
    t.teardown(() => sent.destroy())
    const answered = new Promise<{ status: number | undefined; warning: string; body: string }>(
      (resolve, reject) => {
        sent.on('error', reject)
        sent.on('response', (answer) => {
          const { statusCode: status, headers } = answer
          let body = ''
          answer.setEncoding('latin1').on('data', (text: string) => (body += text))
          answer.on('end', () => resolve({ status, warning: String(headers.warning), body }))
        })
      },
    )
    return { sent, answered }
  }
  return { ...proxy, open }
}

for (const { api, line, doorOf } of doors) {
  t.test(
    `where the guard only watches, ${api} gets a chunked body as it comes that is too large to be read`,
    async (t) => {
      const parts = Array.from({ length: 40 }, (_, at) => String(at).padEnd(100_000))
      const lax = await sending(t, doorOf(false), line, { maxBodyBytes: 1_000_000 })
      const { sent, answered } = lax.open()
      for (const part of parts) sent.write(part)
      sent.end()
      const { status, warning, body } = await answered
      t.equal(status, 200)
      t.equal(body, digest(...parts))
      t.match(
        warning,
        /not judged, and allowed, since the guard only warns: The body is larger than 1000000 bytes/,
      )
      t.strictSame([lax.passed, lax.refused, lax.asked], [['too-large'], [], [line]])
      const strict = await sending(t, doorOf(true), line, { maxBodyBytes: 1_000_000 })
      const stopped = strict.open()
      for (const part of parts) stopped.sent.write(part)
      stopped.sent.end()
      t.equal((await stopped.answered).status, 413)
      t.strictSame([strict.passed, strict.refused, strict.asked], [[], ['too-large'], []])
    },
  )

  t.test(`where the guard only watches, ${api} gets a body that comes too slowly as it comes`, async (t) => {
    const { open, asked, passed } = await sending(t, doorOf(false), line, { bodyMs: 20 })
    const { sent, answered } = open()
    sent.write('{"a":')
    await eventually(() => asked.length === 1)
    sent.end('1}')
    t.match(await answered, { status: 200, warning: /did not come within 0.02 s/, body: digest('{"a":1}') })
    t.strictSame(passed, ['too-slow'])
  })

  t.test(
    `where the guard only watches, ${api} gets a body as it comes for which there is no room`,
    async (t) => {
      const { open, asked, passed, cut } = await sending(t, doorOf(false), line, { bodies: room(1_000) })
      const { sent, answered } = open({ 'content-length': 3_000 })
      sent.write('x'.repeat(1_500))
      await eventually(() => asked.length === 1)
      sent.end('y'.repeat(1_500))
      const body = digest('x'.repeat(1_500), 'y'.repeat(1_500))
      t.match(await answered, { status: 200, warning: /[Tt]oo many large requests/, body })
      t.strictSame([passed, cut], [['busy'], []])
    },
  )
}

t.test('a waiting request passes when others need its memory, if the guard only watches', async (t) => {
  const waiting: ProxyDoor = {
    judge: () => (call) => untilAborted(new Promise<never>(() => undefined), call.signal),
    watches: true,
    failure: errorAnswer,
  }
  const proxy = await sending(t, waiting, 'PUT /v1/nodes/n1', { bodies: room(1_000) })
  const first = proxy.open({ 'content-length': 800 })
  first.sent.end('x'.repeat(800))
  await once(first.sent, 'finish')
  const second = proxy.open({ 'content-length': 700 })
  second.sent.end('y'.repeat(700))
  const passed = await Promise.race([first.answered, second.answered])
  t.match(passed, { status: 200, warning: /[Tt]oo many large requests/ })
  t.strictSame(proxy.passed, ['busy'])
})

t.test('a client that breaks off a forwarded body has sent no request', async (t) => {
  for (const { line, doorOf } of doors) {
    const { open, server, passed } = await sending(t, doorOf(false), line, { maxBodyBytes: 1_000 })
    const got = once(server, 'request') as Promise<[http.IncomingMessage]>
    const { sent, answered } = open()
    sent.write('x'.repeat(2_000))
    const [request] = await got
    request.on('error', () => undefined)
    sent.destroy()
    await t.rejects(answered)
    await eventually(() => request.closed)
    t.equal(request.complete, false)
    t.strictSame(passed, ['too-large'])
  }
})
