import t from 'tap'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { at, textAt } from '../../src/sandbox/json.ts'
import { FakeWebhook, registration, type Registration, registrations } from './api/fake-webhook.ts'
import { guarded } from './api/guarded.ts'
import { node, setting } from './api/objects.ts'
import { queryOf, recorded, shapeOf, withoutVersion } from './api/recorded.ts'
import { started } from './api/started.ts'

t.test('a review', (t) => {
  t.test('has the keys that were recorded from a real API server', async (t) => {
    const { webhook, ask } = await guarded(t)
    const created = await recorded('create')
    await ask('POST', `backingimages?${queryOf(created)}`, { body: created.object })
    const updated = await recorded('update')
    await ask('POST', 'backingimages', { body: { ...withoutVersion(updated.oldObject), status: undefined } })
    await ask('PUT', `backingimages/bi-ssa?${queryOf(updated)}`, { body: withoutVersion(updated.object) })
    const deleted = await recorded('delete-dry-run')
    await ask('DELETE', 'backingimages/bi-new', { body: deleted.options })
    const [creation, , update, deletion] = webhook.asked
    t.strictSame(shapeOf(creation), shapeOf(created))
    t.strictSame(shapeOf(update), shapeOf(updated))
    t.strictSame(shapeOf(deletion), shapeOf(deleted))
  })

  t.test('of a change shows the stored status, and the user', async (t) => {
    const { webhook, ask } = await guarded(t)
    await ask('POST', 'nodes', { body: node('n1') })
    await ask('PATCH', 'nodes/n1/status', { body: { status: { autoEvicting: true } } })
    const headers = { 'impersonate-user': 'system:serviceaccount:longhorn-system:longhorn-service-account' }
    await ask('PATCH', 'nodes/n1', { body: { spec: { evictionRequested: true }, status: null }, headers })
    const request = webhook.asked.at(-1)
    t.match(request, {
      object: { spec: { evictionRequested: true }, status: { autoEvicting: true } },
      oldObject: { spec: { evictionRequested: false }, status: { autoEvicting: true } },
      userInfo: {
        username: headers['impersonate-user'],
        groups: ['system:serviceaccounts', 'system:serviceaccounts:longhorn-system', 'system:authenticated'],
      },
    })
    t.equal(webhook.asked.length, 2, 'the status is no main resource')
  })

  t.test('of each object of a collection has no name', async (t) => {
    const { webhook, ask } = await guarded(t)
    await ask('POST', 'settings', { body: setting('a', '1') })
    await ask('DELETE', 'settings')
    t.match(webhook.asked[1], { operation: 'DELETE', object: null, oldObject: { metadata: { name: 'a' } } })
    t.notOk('name' in (webhook.asked[1] ?? {}))
  })

  t.test('is made of a write that is valid and current, and also of one that changes nothing', async (t) => {
    const { webhook, ask } = await guarded(t)
    const { body } = await ask('POST', 'settings', { body: setting('a', '1') })
    await ask('PUT', 'settings/a', { body: { ...body, value: 3 } })
    await ask('PATCH', 'settings/a', { body: { metadata: { resourceVersion: '1' } } })
    t.equal(webhook.asked.length, 1)
    await ask('PATCH', 'settings/a', { body: { value: '1' } })
    await ask('POST', 'settings', { body: setting('a', '1') })
    t.equal(webhook.asked.length, 3, 'creating an existing name does reach the webhook')
  })

  t.test('gets the remaining time, on a reused connection', async (t) => {
    const { webhook, ask } = await guarded(t, { webhook: { timeoutSeconds: 30 } })
    await ask('POST', 'settings', { body: setting('a', '1') })
    await ask('PATCH', 'settings/a?timeout=7s', { body: { value: '2' } })
    t.strictSame(webhook.urls, ['/validate?timeout=30s', '/validate?timeout=7s'])
    t.equal(webhook.connections, 1)
  })
  t.end()
})

t.test('one patch is reviewed again, under a new uid, after another write in between', async (t) => {
  const { webhook, client, ask } = await guarded(t)
  const { body } = await ask('POST', 'settings', { body: setting('a', '1') })
  let meddled = 0
  webhook.behaviour = async (request) => {
    if (at(request, 'object', 'metadata', 'labels', 'mine') === 'yes' && meddled++ < 2)
      await client.update(resources.Setting, setting('a', `meddled ${meddled}`))
    return { allow: true }
  }
  const patched = await ask('PATCH', 'settings/a', { body: { metadata: { labels: { mine: 'yes' } } } })
  t.match(patched, { code: 200, body: { value: 'meddled 2', metadata: { labels: { mine: 'yes' } } } })
  const mine = webhook.asked.filter(
    (request) => at(request, 'object', 'metadata', 'labels', 'mine') === 'yes',
  )
  t.equal(new Set(mine.map(({ uid }) => uid)).size, 3)
  meddled = 0
  const put = { ...body, metadata: patched.body.metadata, value: 'put' }
  t.match(
    await ask('PUT', 'settings/a', { body: put }),
    { code: 409 },
    'a PUT of one version is not tried again',
  )
})

t.test(
  'parallel patches of one object all succeed, and cost more reviews than there are patches',
  async (t) => {
    const { webhook, ask } = await guarded(t)
    await ask('POST', 'settings', { body: setting('a', '1') })
    const names = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6']
    const replies = await Promise.all(
      names.map((name) => ask('PATCH', 'settings/a', { body: { metadata: { labels: { [name]: 'yes' } } } })),
    )
    t.ok(replies.every(({ code }) => code === 200))
    const { body } = await ask('GET', 'settings/a')
    t.strictSame(Object.keys(at(body, 'metadata', 'labels') ?? {}).toSorted(), names)
    t.ok(webhook.asked.length > names.length + 1)
  },
)

t.test('a denial', (t) => {
  t.test('reaches the client whole, with the name of the denying webhook first', async (t) => {
    const { webhook, ask } = await guarded(t)
    const details = { retryAfterSeconds: 3, causes: [{ field: 'spec', message: 'why' }] }
    webhook.behaviour = { deny: { code: 429, reason: 'TooManyRequests', message: 'held back', details } }
    const held = await ask('POST', 'nodes', { body: node('n1') })
    t.match(held, {
      code: 429,
      body: { kind: 'Status', status: 'Failure', reason: 'TooManyRequests', details, code: 429 },
    })
    t.equal(held.body.message, 'admission webhook "guard.holdfast.dev" denied the request: held back')
    t.equal(held.headers.get('retry-after'), '3')
    t.match(await ask('GET', 'nodes/n1'), { code: 404 }, 'nothing is stored')
  })

  t.test('below 400, or without a word, is turned into 400', async (t) => {
    const { webhook, ask } = await guarded(t)
    webhook.behaviour = { deny: { code: 200 } }
    const denied = await ask('POST', 'nodes', { body: node('n1') })
    t.match(denied, { code: 400, body: { message: /denied the request without explanation$/ } })
    t.equal(denied.headers.get('retry-after'), null)
    webhook.behaviour = { deny: { code: 403, reason: 'Forbidden' } }
    t.match(await ask('POST', 'nodes', { body: node('n1') }), {
      code: 403,
      body: { message: /: Forbidden$/ },
    })
  })

  t.test('counts for a dry run and under failurePolicy Ignore too', async (t) => {
    const { webhook, ask, client } = await guarded(t, { webhook: { failurePolicy: 'Ignore' } })
    await ask('POST', 'nodes', { body: node('n1') })
    webhook.behaviour = { deny: { code: 403, message: 'no' } }
    t.match(await ask('PATCH', 'nodes/n1?dryRun=All', { body: { spec: { tags: ['a'] } } }), { code: 403 })
    t.match(webhook.asked.at(-1), { dryRun: true, options: { dryRun: ['All'] } })
    t.match(await ask('DELETE', 'nodes/n1'), { code: 403 })
    await t.rejects(client.delete(resources.Node, 'longhorn-system', 'n1'), /denied the request: no/)
  })
  t.end()
})

t.test('warnings reach the client as headers, except those that could not be printed', async (t) => {
  const { webhook, ask } = await guarded(t)
  webhook.behaviour = { allow: true, warnings: ['größe "x"', 'two\nlines', 'größe "x"', 'again'] }
  const { headers } = await ask('POST', 'nodes', { body: node('n1') })
  const text = Buffer.from(headers.get('warning') ?? '', 'latin1').toString('utf8')
  t.equal(text, '299 - "größe \\"x\\"", 299 - "again"')
  webhook.behaviour = { allow: true, warnings: ['a'.repeat(3000), 'b'.repeat(3000)] }
  const long = (await ask('PATCH', 'nodes/n1', { body: {} })).headers.get('warning') ?? ''
  t.equal(long.length, 2 * (256 + '299 - ""'.length) + 2, 'beyond 4096 in all each is cut')
})

t.test('a registration', (t) => {
  t.test('names the writes it is for by group, operation, resource, scope and labels', async (t) => {
    const cases: readonly (readonly [Registration, boolean])[] = [
      [{ rule: { resources: ['nodes'] } }, true],
      [{ rule: { resources: ['backingimages', 'nodes/*'] } }, false],
      [{ rule: { resources: ['*/*'] } }, true],
      [{ rule: { operations: ['UPDATE', 'DELETE'] } }, false],
      [{ rule: { apiGroups: [''] } }, false],
      [{ rule: { scope: 'Cluster' } }, false],
      [{ rule: { scope: 'Namespaced' } }, true],
      [{ webhook: { objectSelector: { matchLabels: { tier: 'gold' } } } }, true],
      [
        { webhook: { objectSelector: { matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] } } },
        false,
      ],
      [
        { webhook: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } } },
        false,
      ],
    ]
    for (const [changed, asked] of cases) {
      const { webhook, ask } = await guarded(t, changed)
      await ask('POST', 'nodes?dryRun=All', { body: node('n1', { labels: { tier: 'gold' } }) })
      t.equal(webhook.asked.length, asked ? 1 : 0, JSON.stringify(changed))
    }
  })

  t.test('may be for a status, which then says so', async (t) => {
    const { webhook, ask } = await guarded(t, { rule: { resources: ['nodes/status'] } })
    await ask('POST', 'nodes', { body: node('n1') })
    await ask('PATCH', 'nodes/n1/status', { body: { status: { autoEvicting: true } } })
    t.match(webhook.asked, [{ subResource: 'status', requestSubResource: 'status', operation: 'UPDATE' }])
    t.equal(webhook.asked.length, 1)
  })

  t.test('that could not be carried out is refused when it is made', async (t) => {
    const { ask } = await started(t)
    const webhook = await FakeWebhook.start(t)
    const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
    const refused: readonly (readonly [Registration, RegExp])[] = [
      [{ webhook: { sideEffects: 'Some' } }, /sideEffects/],
      [{ webhook: { timeoutSeconds: 31 } }, /timeoutSeconds/],
      [{ webhook: { admissionReviewVersions: ['v1beta1'] } }, /admissionReviewVersions/],
      [{ webhook: { objectSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } } }, /operator/],
      [{ clientConfig: { url: 'http://127.0.0.1/' } }, /url/],
      [{ clientConfig: { url: undefined } }, /either url or service, but has none/],
      [{ clientConfig: { service: { namespace: 'a', name: 'b' } } }, /either url or service, but has both/],
      [{ clientConfig: { caBundle: 'bm90IFBFTQ==' } }, /caBundle/],
    ]
    for (const [changed, message] of refused)
      t.match(await ask('POST', path, { body: registration(webhook, changed) }), {
        code: 422,
        body: { message },
      })
  })

  t.test('with matchConditions of other forms works without them, and reports that', async (t) => {
    const matchConditions = [{ name: 'never', expression: 'false' }]
    const { webhook, ask } = await guarded(t, { webhook: { matchConditions } })
    const { headers } = await ask('POST', 'nodes', { body: node('n1') })
    t.match(headers.get('warning'), /does not evaluate all matchConditions of guard\.holdfast\.dev/)
    t.equal(webhook.asked.length, 1)
  })

  t.test(
    'with matchConditions that leave out some users and terminating objects, keeps to them',
    async (t) => {
      const matchConditions = [
        { name: 'a', expression: 'oldObject == null || !has(oldObject.metadata.deletionTimestamp)' },
        {
          name: 'b',
          expression: "request.operation != 'DELETE' || !(request.userInfo.username in ['gc', 'x'])",
        },
      ]
      const { webhook, ask } = await guarded(t, { webhook: { matchConditions } })
      const leaving = node('n2')
      const finalizers = ['longhorn.io']
      const { headers } = await ask('POST', 'nodes', { body: node('n1') })
      t.equal(headers.get('warning'), null)
      await ask('POST', 'nodes', { body: { ...leaving, metadata: { ...leaving.metadata, finalizers } } })
      await ask('DELETE', 'nodes/n2')
      t.equal(webhook.asked.length, 3)
      await ask('PATCH', 'nodes/n2', { body: { metadata: { finalizers: null } } })
      await ask('DELETE', 'nodes/n1', { headers: { 'impersonate-user': 'gc' } })
      t.equal(webhook.asked.length, 3)
    },
  )

  t.test('is never itself subject to a webhook, so that a dead one can be taken away', async (t) => {
    const { webhook, client } = await guarded(t, {
      rule: { apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] },
    })
    webhook.behaviour = { deny: { code: 403 } }
    await client.delete(registrations, '', 'guard-holdfast-dev')
    t.equal(webhook.asked.length, 0)
  })

  t.test('beside another lets both be asked; the first denial by name is the answer', async (t) => {
    const { webhook, ask, client } = await guarded(t, { name: 'b.holdfast.dev' })
    await client.create(registrations, registration(webhook, { name: 'a.holdfast.dev' }))
    webhook.behaviour = { deny: { code: 403, message: 'no' } }
    t.match((await ask('POST', 'nodes', { body: node('n1') })).body, { message: /"a\.holdfast\.dev" denied/ })
    t.equal(new Set(webhook.asked.map((request) => textAt(request, 'uid'))).size, 2)
  })
  t.end()
})
