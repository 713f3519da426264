import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { mergePatch } from '../../src/json/patch.ts'
import { ApiError } from '../../src/sandbox/cluster-client.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { at, listAt, textAt } from '../../src/sandbox/json.ts'
import { node, setting } from './api/objects.ts'
import { jsonPatchType, started } from './api/started.ts'

t.test('a new object', (t) => {
  t.test('gets the fields that only the server sets, and its status is dropped', async (t) => {
    const { ask } = await started(t, { identity: { uid: () => 'u-1', suffix: () => 'x7k2p' } })
    const sent = {
      ...node('n1', { uid: 'mine', generation: 9 }),
      status: { autoEvicting: true },
      extra: { kept: [1] },
    }
    const { code, body } = await ask('POST', 'nodes', { body: sent })
    t.equal(code, 201)
    t.match(body, {
      metadata: { uid: 'u-1', generation: 1, resourceVersion: /^\d+$/, creationTimestamp: /Z$/ },
    })
    t.match(body, { extra: { kept: [1] } }, 'unknown fields are kept')
    t.notOk('status' in body)
    const generated = { ...node(''), metadata: { generateName: 'n-' } }
    t.match(await ask('POST', 'nodes', { body: generated }), {
      code: 201,
      body: { metadata: { name: 'n-x7k2p' } },
    })
  })

  t.test('is refused when its name is taken, or its namespace is not there', async (t) => {
    const { ask } = await started(t)
    await ask('POST', 'nodes', { body: node('n1') })
    t.match(await ask('POST', 'nodes', { body: node('n1') }), {
      code: 409,
      body: { kind: 'Status', reason: 'AlreadyExists', message: 'nodes.longhorn.io "n1" already exists' },
    })
    const elsewhere = '/apis/longhorn.io/v1beta2/namespaces/nowhere/nodes'
    t.match(await ask('POST', elsewhere, { body: { ...node('n1'), metadata: { name: 'n1' } } }), {
      code: 404,
      body: { message: 'namespaces "nowhere" not found' },
    })
  })

  t.test('is refused with the cause when it breaks the schema', async (t) => {
    const { ask } = await started(t)
    t.match(await ask('POST', 'nodes', { body: { ...node('n1'), spec: { evictionRequested: 'true' } } }), {
      code: 422,
      body: {
        reason: 'Invalid',
        message: /Node\.longhorn\.io "n1" is invalid: spec\.evictionRequested: .*must be boolean/,
        details: { causes: [{ field: 'spec.evictionRequested', reason: 'FieldValueInvalid' }] },
      },
    })
    t.match(await ask('POST', 'nodes', { body: node('Not A Name') }), { code: 422 })
    t.match(await ask('POST', 'nodes', { body: { ...node(''), metadata: {} } }), {
      code: 422,
      body: { message: /generateName/ },
    })
    t.match(await ask('POST', 'nodes', { body: node('n1', { resourceVersion: '3' }) }), { code: 400 })
    t.match(await ask('POST', 'nodes', { body: setting('s', '1') }), {
      code: 400,
      body: { message: /does not match the expected kind/ },
    })
    t.match(await ask('POST', 'nodes', { body: '{"broken' }), { code: 400, body: { message: /not JSON/ } })
    t.match(await ask('POST', 'nodes', { body: '[]' }), { code: 400 })
    t.match(await ask('POST', 'nodes', { body: node('n1', { namespace: 'default' }) }), { code: 400 })
  })
  t.end()
})

t.test('a change', (t) => {
  t.test('of the main part leaves the status, and of the status leaves the rest', async (t) => {
    const { ask } = await started(t)
    await ask('POST', 'nodes', { body: node('n1') })
    await ask('PATCH', 'nodes/n1/status', {
      body: { status: { autoEvicting: true }, spec: { evictionRequested: true } },
    })
    const { body } = await ask('PATCH', 'nodes/n1', {
      body: { spec: { tags: ['a'] }, status: { autoEvicting: false } },
    })
    t.match(body, { spec: { tags: ['a'], evictionRequested: false }, status: { autoEvicting: true } })
    t.equal(at(body, 'metadata', 'generation'), 2, 'only a change of spec counts')
  })

  t.test('made from an older version is a conflict; without a version it is not', async (t) => {
    const { ask } = await started(t)
    const { body: first } = await ask('POST', 'settings', { body: setting('s', '1') })
    t.match(await ask('PUT', 'settings/s', { body: { ...first, value: '2' } }), {
      code: 200,
      body: { value: '2' },
    })
    t.match(await ask('PUT', 'settings/s', { body: { ...first, value: '3' } }), {
      code: 409,
      body: { reason: 'Conflict', message: /the object has been modified/ },
    })
    t.match(await ask('PUT', 'settings/s', { body: setting('s', '4') }), { code: 200, body: { value: '4' } })
    const stale = { metadata: { resourceVersion: textAt(first, 'metadata', 'resourceVersion') }, value: '5' }
    t.match(await ask('PATCH', 'settings/s', { body: stale }), { code: 409 })
    t.match(await ask('PATCH', 'settings/s', { body: { metadata: { uid: 'another' } } }), { code: 409 })
  })

  t.test('cannot change the identity of the object', async (t) => {
    const { ask } = await started(t)
    const { body: first } = await ask('POST', 'settings', { body: setting('s', '1') })
    const { body } = await ask('PATCH', 'settings/s', {
      body: {
        metadata: {
          creationTimestamp: '2001-01-01T00:00:00Z',
          generation: 77,
          deletionTimestamp: '2001-01-01T00:00:00Z',
        },
      },
    })
    t.strictSame(body, first)
    t.match(await ask('PUT', 'settings/s', { body: setting('other', '1') }), {
      code: 400,
      body: { message: /does not match the name/ },
    })
    t.match(await ask('PUT', 'settings/none', { body: setting('none', '1') }), { code: 404 })
  })

  t.test('that changes nothing keeps the version', async (t) => {
    const { ask } = await started(t)
    const { body: first } = await ask('POST', 'settings', { body: setting('s', '1') })
    t.strictSame((await ask('PATCH', 'settings/s', { body: { value: '1' } })).body, first)
    t.strictSame((await ask('PUT', 'settings/s', { body: first })).body, first)
  })

  t.test('by JSON patch is all or nothing', async (t) => {
    const { ask } = await started(t)
    await ask('POST', 'nodes', { body: node('n1') })
    const patch = (...body: unknown[]) => ask('PATCH', 'nodes/n1', { body, headers: jsonPatchType })
    const raise = { op: 'replace', path: '/spec/evictionRequested', value: true }
    t.match(await patch(raise, { op: 'test', path: '/spec/name', value: 'n2' }), {
      code: 422,
      body: { message: /operation 1 \(test \/spec\/name\): the test failed/ },
    })
    t.match(await patch({ op: 'remove', path: '/spec/nothing' }), {
      code: 422,
      body: { message: /does not exist/ },
    })
    t.match((await ask('GET', 'nodes/n1')).body, { spec: { evictionRequested: false } })
    t.match(await patch(raise), { code: 200, body: { spec: { evictionRequested: true } } })
    t.match(await patch({ op: 'paint' }), { code: 400 })
  })

  t.test('by an unsupported kind of patch is rejected with the supported ones', async (t) => {
    const { ask } = await started(t)
    await ask('POST', 'settings', { body: setting('s', '1') })
    for (const type of [
      'application/strategic-merge-patch+json',
      'application/apply-patch+yaml',
      'text/plain',
    ])
      t.match(await ask('PATCH', 'settings/s', { body: {}, headers: { 'content-type': type } }), {
        code: 415,
        body: { reason: 'UnsupportedMediaType', message: /--type=merge|merge-patch\+json/ },
      })
    t.match(
      await ask('POST', 'settings', {
        body: 'k8s',
        headers: { 'content-type': 'application/vnd.kubernetes.protobuf' },
      }),
      {
        code: 415,
        body: { message: /kubectl apply -f/ },
      },
    )
  })

  t.test('tried dry goes the whole way and stores nothing', async (t) => {
    const { ask } = await started(t)
    t.match(await ask('POST', 'settings?dryRun=All', { body: setting('s', '1') }), {
      code: 201,
      body: { value: '1' },
    })
    t.match(await ask('GET', 'settings/s'), {
      code: 404,
      body: { message: 'settings.longhorn.io "s" not found' },
    })
    const { body: first } = await ask('POST', 'settings', { body: setting('s', '1') })
    t.match(await ask('POST', 'settings?dryRun=All', { body: setting('s', '1') }), { code: 409 })
    t.match(await ask('PATCH', 'settings/s?dryRun=All', { body: { value: '2' } }), {
      code: 200,
      body: { value: '2' },
    })
    t.match(await ask('DELETE', 'settings/s', { body: { dryRun: ['All'] } }), {
      code: 200,
      body: { status: 'Success' },
    })
    t.strictSame((await ask('GET', 'settings/s')).body, first)
    t.match(await ask('PATCH', 'settings/s?dryRun=Some', { body: {} }), { code: 422 })
    t.match(await ask('PATCH', 'settings/s?fieldValidation=Sometimes', { body: {} }), { code: 422 })
  })
  t.end()
})

t.test('a merge patch applied once more changes nothing, whatever the documents are', (t) => {
  const key = fc.constantFrom('a', 'b', '__proto__', 'constructor')
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.constant(null), fc.array(fc.integer()), tie('object')),
    object: fc.array(fc.tuple(key, tie('json'))).map((pairs) => Object.fromEntries(pairs)),
  }))
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const once = mergePatch(target, patch)
      return isDeepStrictEqual(mergePatch(once, patch), once)
    }),
    { numRuns: 200 },
  )
  const merged = mergePatch(JSON.parse('{"a":{"__proto__":1,"b":2},"c":3}'), { a: { b: null }, d: null })
  t.equal(JSON.stringify(merged), '{"a":{"__proto__":1},"c":3}', 'null takes away, and every key is a key')
  t.end()
})

t.test('a deletion', (t) => {
  t.test('waits for the finalizers, and is done with the last of them', async (t) => {
    const { ask } = await started(t)
    await ask('POST', 'nodes', { body: node('n1', { finalizers: ['longhorn.io'] }) })
    const deleted = await ask('DELETE', 'nodes/n1')
    t.match(deleted, {
      code: 200,
      body: { kind: 'Node', metadata: { deletionTimestamp: /Z$/, generation: 2 } },
    })
    t.strictSame((await ask('DELETE', 'nodes/n1')).body, deleted.body, 'once more changes nothing')
    t.match(await ask('PATCH', 'nodes/n1', { body: { metadata: { finalizers: ['longhorn.io', 'new'] } } }), {
      code: 422,
      body: { message: /no new finalizers/ },
    })
    t.match(await ask('PATCH', 'nodes/n1', { body: { metadata: { finalizers: null } } }), { code: 200 })
    t.match(await ask('GET', 'nodes/n1'), { code: 404 })
  })

  t.test('is for the object and version named in its preconditions', async (t) => {
    const { ask } = await started(t)
    const { body } = await ask('POST', 'settings', { body: setting('s', '1') })
    t.match(await ask('DELETE', 'settings/s', { body: { preconditions: { uid: 'another' } } }), { code: 409 })
    t.match(await ask('DELETE', 'settings/s', { body: { preconditions: { resourceVersion: '1' } } }), {
      code: 409,
    })
    t.match(await ask('DELETE', 'settings/s', { body: { propagationPolicy: 'Sideways' } }), { code: 422 })
    const preconditions = { uid: textAt(body, 'metadata', 'uid') }
    t.match(await ask('DELETE', 'settings/s', { body: { preconditions, propagationPolicy: 'Foreground' } }), {
      code: 200,
      body: { kind: 'Status', status: 'Success', details: { name: 's', kind: 'settings' } },
    })
  })

  t.test('of a collection takes the selected objects', async (t) => {
    const { ask } = await started(t)
    for (const name of ['a', 'b', 'c']) {
      const metadata = { finalizers: ['longhorn.io'], labels: { odd: String(name !== 'b') } }
      await ask('POST', 'nodes', { body: node(name, metadata) })
    }
    const path = 'nodes?labelSelector=odd%3Dtrue'
    const before = listAt((await ask('GET', path)).body, 'items')
    for (const body of [{ dryRun: ['All'] }, undefined])
      t.strictSame(listAt((await ask('DELETE', path, { body })).body, 'items'), before, 'as they were')
    t.match((await ask('GET', 'nodes/a')).body, { metadata: { deletionTimestamp: /Z$/ } })
    t.notOk(textAt((await ask('GET', 'nodes/b')).body, 'metadata', 'deletionTimestamp'))
  })

  t.test('of a namespace that is in use is refused: it would be left half empty', async (t) => {
    const { ask } = await started(t)
    await ask('POST', 'settings', { body: setting('s', '1') })
    const namespace = '/api/v1/namespaces/longhorn-system'
    t.match(await ask('DELETE', namespace), { code: 409, body: { message: /it still has settings/ } })
    await ask('DELETE', 'settings/s')
    t.match(await ask('DELETE', namespace), { code: 200 })
  })
  t.end()
})

t.test('a client within the process goes the same way as one over HTTP', async (t) => {
  const { client, ask } = await started(t)
  const created = await client.create(resources.Setting, setting('s', '1'))
  t.strictSame((await ask('GET', 'settings/s')).body, created)
  t.strictSame(await client.get(resources.Setting, 'longhorn-system', 's'), created)
  const updated = await client.update(resources.Setting, { ...created, value: '2' })
  t.match(
    await client.updateStatus(resources.Setting, { ...updated, value: '9', status: { applied: true } }),
    {
      value: '2',
      status: { applied: true },
    },
  )
  await t.rejects(client.update(resources.Setting, { ...created, value: '3' }), ApiError)
  t.throws(
    () => Object.assign(updated.metadata, { name: 'other' }),
    'stored objects cannot be changed in place',
  )
  t.equal((await client.list(resources.Setting, 'longhorn-system')).length, 1)
  await client.delete(resources.Setting, 'longhorn-system', 's')
  t.equal(await client.get(resources.Setting, 'longhorn-system', 's'), undefined)
  await t.rejects(client.delete(resources.Setting, 'longhorn-system', 's'), /not found|could not find/)
  await t.rejects(client.list({ group: 'x', version: 'v1', plural: 'ys' }, ''), /not found|could not find/)
})
