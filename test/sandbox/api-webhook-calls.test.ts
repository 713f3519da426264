import t from 'tap'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { at, isJsonObject } from '../../src/sandbox/json.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { answerOf, FakeWebhook, registration, registrations } from './api/fake-webhook.ts'
import { guarded } from './api/guarded.ts'
import { node } from './api/objects.ts'
import { started } from './api/started.ts'

t.test('a call that fails', (t) => {
  const failures: Readonly<Record<string, { readonly raw: unknown; readonly code?: number }>> = {
    'is one with another uid': { raw: answerOf({ uid: 'another', allowed: true }) },
    'is one with a patch': { raw: answerOf({ allowed: true, patch: 'W10=', patchType: 'JSONPatch' }) },
    'is one with an HTTP error': { raw: 'oops', code: 500 },
    'is one that is not JSON': { raw: '<html>' },
    'is one of another kind': { raw: { kind: 'Pod' } },
    'is one without a response': { raw: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' } },
    'is one whose verdict is a text': { raw: answerOf({ allowed: 'true' }) },
  }
  for (const [what, { raw, code }] of Object.entries(failures))
    t.test(what, async (t) => {
      const { webhook, ask } = await guarded(t)
      webhook.behaviour = (_, uid) => {
        const response = at(raw, 'response')
        const echoed = isJsonObject(response) && !('uid' in response) ? answerOf({ ...response, uid }) : raw
        return Promise.resolve({ raw: echoed, ...(code !== undefined && { code }) })
      }
      t.match(await ask('POST', 'nodes', { body: node('n1') }), {
        code: 500,
        body: {
          reason: 'InternalError',
          message: /^Internal error occurred: failed calling webhook "guard\.holdfast\.dev": /,
        },
      })
    })

  t.test('by hanging ends with its time, and lets the write pass only under Ignore', async (t) => {
    for (const [failurePolicy, expected] of [
      ['Fail', 500],
      ['Ignore', 201],
    ] as const) {
      const clock = new FakeClock()
      const { webhook, ask } = await guarded(t, { webhook: { failurePolicy } }, { clock })
      webhook.behaviour = 'hang'
      const asking = ask('POST', 'nodes', { body: node('n1') })
      await eventually(() => webhook.asked.length === 1)
      clock.advance(4_900)
      clock.advance(100)
      const { code, body } = await asking
      t.equal(code, expected)
      if (failurePolicy === 'Fail')
        t.match(body, { message: /validate\?timeout=5s": context deadline exceeded$/ })
      else t.match(body, { kind: 'Node' })
    }
  })

  t.test(
    'with Retry-After at the level of HTTP is made again, and the user sees only the deadline',
    async (t) => {
      const clock = new FakeClock()
      const { webhook, ask } = await guarded(t, {}, { clock })
      webhook.behaviour = { raw: '', code: 429, headers: { 'retry-after': '2' } }
      const asking = ask('POST', 'nodes', { body: node('n1') })
      for (const calls of [1, 2, 3]) {
        await eventually(() => webhook.asked.length === calls && clock.pending === 2)
        clock.advance(2_000)
      }
      t.match(await asking, { code: 500, body: { message: /context deadline exceeded/ } })
      t.strictSame(
        webhook.urls.map((url) => url.split('=')[1]),
        ['5s', '3s', '1s'],
      )
    },
  )

  t.test('for a certificate that the caBundle does not vouch for', async (t) => {
    const other = await certificateFor()
    const caBundle = Buffer.from(other.cert).toString('base64')
    const { webhook, ask } = await guarded(t, { clientConfig: { caBundle } })
    t.match(await ask('POST', 'nodes', { body: node('n1') }), { code: 500, body: { message: /certificate/ } })
    t.equal(webhook.asked.length, 0)
  })

  t.test('because the server stops', async (t) => {
    const { api, webhook, client } = await guarded(t)
    webhook.behaviour = 'hang'
    const writing = client.create(resources.Node, node('n1'))
    await eventually(() => webhook.asked.length === 1)
    await Promise.all([api.stop(), t.rejects(writing, /failed calling webhook/)])
    await t.rejects(client.create(resources.Node, node('n2')), /does not serve now/)
  })
  t.end()
})

t.test('a webhook behind a service is found by resolveService, under the name of the service', async (t) => {
  const webhook = await FakeWebhook.start(t)
  const resolveService = (namespace: string, name: string, port: number) =>
    `${name}.${namespace}:${port}` === 'guard.holdfast:8443' ? webhook.address : undefined
  const { ask, client } = await started(t, { resolveService })
  const service = { namespace: 'holdfast', name: 'guard', port: 8443, path: '/here' }
  await client.create(registrations, registration(webhook, { clientConfig: { url: undefined, service } }))
  t.match(await ask('POST', 'nodes', { body: node('n1') }), { code: 201 })
  t.strictSame(webhook.urls, ['/here?timeout=5s'])
  const unknown = { clientConfig: { url: undefined, service: { ...service, name: 'nobody' } } }
  await client.create(registrations, registration(webhook, { ...unknown, name: 'other.holdfast.dev' }))
  t.match(await ask('DELETE', 'nodes/n1'), {
    code: 500,
    body: { message: /service "nobody" in namespace "holdfast" is not known/ },
  })
})
