import fc from 'fast-check'
import t from 'tap'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { at, listAt, textAt } from '../../src/sandbox/json.ts'
import { humanDuration } from '../../src/time/age.ts'
import { exchangeRaw } from '../doors/proxy/raw-request.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { node, setting } from './api/objects.ts'
import { longhornPath, started } from './api/started.ts'
import { Watching } from './api/watching.ts'

const tableType = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }

const watchPath = (api: { readonly url: string }, query: string) =>
  `${api.url}${longhornPath}settings?watch=true&${query}`

t.test('a list in pages shows the state of its first page', async (t) => {
  const { ask, client } = await started(t)
  for (const name of ['a', 'b', 'c', 'd']) await client.create(resources.Setting, setting(name, '1'))
  const { body: first } = await ask('GET', 'settings?limit=2')
  t.match(first, {
    kind: 'SettingList',
    metadata: { remainingItemCount: 2 },
    items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
  })
  await client.delete(resources.Setting, 'longhorn-system', 'c')
  await ask('PATCH', 'settings/d', { body: { value: '2' } })
  await client.create(resources.Setting, setting('e', '1'))
  const next = `settings?limit=2&continue=${textAt(first, 'metadata', 'continue')}`
  const { body: second } = await ask('GET', next)
  t.match(second, { items: [{ metadata: { name: 'c' } }, { metadata: { name: 'd' }, value: '1' }] })
  t.equal(listAt(second, 'items').length, 2)
  t.equal(at(second, 'metadata', 'continue'), undefined)
  t.equal(textAt(second, 'metadata', 'resourceVersion'), textAt(first, 'metadata', 'resourceVersion'))
  t.match(await ask('GET', 'settings?continue=bm90IGpzb24'), { code: 400 })
  t.match(await ask('GET', 'settings?continue=e30'), { code: 400 })
  t.match(await ask('GET', 'settings?limit=-1'), { code: 400 })
  t.match(await ask('GET', 'settings?resourceVersion=999'), { code: 504 })
})

t.test('a list whose first page is forgotten has to start again', async (t) => {
  const { ask, client } = await started(t, { historySize: 1 })
  for (const name of ['a', 'b', 'c']) await client.create(resources.Setting, setting(name, '1'))
  const { body } = await ask('GET', 'settings?limit=1')
  for (const value of ['2', '3']) await ask('PATCH', 'settings/a', { body: { value } })
  const token = textAt(body, 'metadata', 'continue')
  t.match(await ask('GET', `settings?limit=1&continue=${token}`), { code: 410, body: { reason: 'Expired' } })
  const exact = `resourceVersionMatch=Exact&resourceVersion=${textAt(body, 'metadata', 'resourceVersion')}`
  t.match(await ask('GET', `settings?${exact}`), { code: 410 })
})

t.test('a watch', (t) => {
  t.test('goes on after the version it names', async (t) => {
    const { api, client } = await started(t)
    const { metadata } = await client.create(resources.Setting, setting('a', '1'))
    await client.create(resources.Setting, setting('b', '1'))
    const watching = await Watching.open(
      t,
      watchPath(api, `resourceVersion=${metadata.resourceVersion ?? ''}`),
    )
    await client.create(resources.Node, node('n1'))
    await client.delete(resources.Setting, 'longhorn-system', 'a')
    await watching.until(2)
    t.strictSame(watching.story, ['ADDED b', 'DELETED a'])
    const version = Number(textAt(watching.lines[1]?.object, 'metadata', 'resourceVersion'))
    t.ok(version > Number(metadata.resourceVersion), 'a deletion has a version of its own')
  })

  t.test('without a version begins with everything there is', async (t) => {
    const { api, client } = await started(t)
    await client.create(resources.Setting, setting('a', '1'))
    const watching = await Watching.open(t, watchPath(api, ''))
    await client.create(resources.Setting, setting('b', '1'))
    await watching.until(2)
    t.strictSame(watching.story, ['ADDED a', 'ADDED b'])
  })

  t.test(
    'shows an object that begins to match as added, and one that no longer matches as deleted',
    async (t) => {
      const { api, client } = await started(t)
      const watching = await Watching.open(
        t,
        watchPath(api, 'labelSelector=tier%20in%20(gold,silver),!hidden'),
      )
      const first = await client.create(resources.Setting, setting('a', '1'))
      const inside = await client.update(resources.Setting, {
        ...first,
        metadata: { ...first.metadata, labels: { tier: 'gold' } },
      })
      const still = await client.update(resources.Setting, { ...inside, value: '2' })
      const { metadata } = await client.update(resources.Setting, {
        ...still,
        metadata: { ...still.metadata, labels: { hidden: '' } },
      })
      await watching.until(3)
      t.strictSame(watching.story, ['ADDED a', 'MODIFIED a', 'DELETED a'])
      t.match(watching.lines[2]?.object, {
        metadata: { labels: { tier: 'gold' }, resourceVersion: metadata.resourceVersion },
      })
    },
  )

  t.test('from before the history, or from another server, ends with 410', async (t) => {
    const { api, client } = await started(t, { historySize: 2 })
    const { metadata } = await client.create(resources.Setting, setting('a', '1'))
    for (const name of ['b', 'c', 'd']) await client.create(resources.Setting, setting(name, '1'))
    for (const from of [metadata.resourceVersion ?? '', '99999']) {
      const watching = await Watching.open(t, watchPath(api, `resourceVersion=${from}`))
      t.match(await watching.until(1), [
        { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
      ])
      await eventually(() => watching.ended)
    }
  })

  t.test('that is quiet still says how far it has come, and again when its time is up', async (t) => {
    const clock = new FakeClock()
    const { api, client } = await started(t, { clock })
    const watching = await Watching.open(t, watchPath(api, 'allowWatchBookmarks=true&timeoutSeconds=90'))
    const { metadata } = await client.create(resources.Node, node('n1'))
    clock.advance(60_000)
    await watching.until(1)
    clock.advance(30_000)
    await eventually(() => watching.ended)
    t.strictSame(watching.story, ['BOOKMARK', 'BOOKMARK'])
    t.match(watching.lines[0], {
      object: { kind: 'Setting', metadata: { resourceVersion: metadata.resourceVersion } },
    })
    t.equal(clock.pending, 0, 'nothing is left behind')
  })

  t.test('says nothing as long as nothing is written', async (t) => {
    const clock = new FakeClock()
    const { api } = await started(t, { clock })
    const watching = await Watching.open(t, watchPath(api, 'allowWatchBookmarks=true&timeoutSeconds=90'))
    clock.advance(90_000)
    await eventually(() => watching.ended)
    t.strictSame(watching.story, [])
  })

  t.test('as a table has its columns in the first line only', async (t) => {
    const { api, client } = await started(t)
    await client.create(resources.Setting, setting('a', '1'))
    const watching = await Watching.open(t, watchPath(api, ''), tableType)
    await client.create(resources.Setting, setting('b', '1'))
    const [first, second] = await watching.until(2)
    t.equal(listAt(first?.object, 'columnDefinitions').length, 3)
    t.equal(listAt(second?.object, 'columnDefinitions').length, 0)
    t.match(second?.object, { kind: 'Table', rows: [{ cells: ['b', '1', /s$/] }] })
  })

  t.test('that asks for a list in the stream is rejected, so the client lists first', async (t) => {
    const { ask } = await started(t)
    t.match(await ask('GET', 'settings?watch=1&sendInitialEvents=true'), {
      code: 422,
      body: { message: /WatchList/ },
    })
  })

  t.test('ends at once when the server stops', async (t) => {
    const { api } = await started(t)
    const watching = await Watching.open(t, watchPath(api, ''))
    await api.stop()
    await eventually(() => watching.ended)
    t.pass('it has ended')
  })
  t.end()
})

t.test('list and watch together never miss or repeat anything, whatever is written', async (t) => {
  const { api, client, ask } = await started(t)
  const write = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom('1', '2'),
    remove: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 12 }), fc.nat(12), async (writes, listedAfter) => {
      const known = new Map<string, unknown>()
      const following = { now: false }
      const stop = api.subscribe(resources.Setting, ({ type, object }) => {
        if (!following.now) return
        if (type === 'DELETED') known.delete(object.metadata.name)
        else known.set(object.metadata.name, object)
      })
      for (const [index, { name, value, remove }] of writes.entries()) {
        if (index === listedAfter) {
          for (const object of await client.list(resources.Setting, ''))
            known.set(object.metadata.name, object)
          following.now = true
        }
        const there = await client.get(resources.Setting, 'longhorn-system', name)
        if (there && remove) await client.delete(resources.Setting, 'longhorn-system', name)
        else if (there) await client.update(resources.Setting, { ...there, value })
        else await client.create(resources.Setting, setting(name, value))
      }
      await turns(1)
      stop()
      if (!following.now) return
      const items = listAt((await ask('GET', 'settings')).body, 'items')
      t.strictSame(
        [...known.keys()].toSorted(),
        items.map((item) => textAt(item, 'metadata', 'name')),
      )
      for (const item of items) t.strictSame(known.get(textAt(item, 'metadata', 'name')), item)
    }),
    { numRuns: 30 },
  )
})

t.test('a table has the columns of Longhorn, and ages by the server', async (t) => {
  const clock = new FakeClock()
  const { ask } = await started(t, { clock })
  await ask('POST', 'nodes', { body: node('n1') })
  await ask('PATCH', 'nodes/n1/status', {
    body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
  })
  clock.advance(200_000)
  const { body } = await ask('GET', 'nodes?includeObject=None', { headers: tableType })
  const names = listAt(body, 'columnDefinitions').map((column) => at(column, 'name'))
  t.strictSame(names, ['Name', 'Ready', 'AllowScheduling', 'Schedulable', 'Age'])
  t.strictSame(body.rows, [{ cells: ['n1', 'True', '', '', '3m20s'] }])
  t.match((await ask('GET', 'nodes/n1', { headers: tableType })).body, {
    rows: [{ object: { kind: 'PartialObjectMetadata' } }],
  })
  t.match(await ask('GET', 'nodes', { headers: { accept: 'application/vnd.kubernetes.protobuf' } }), {
    code: 406,
  })
  const ages = [
    90_000,
    600_000,
    4 * 3_600_000,
    30 * 3_600_000,
    50 * 3_600_000,
    900 * 86_400_000,
    4000 * 86_400_000,
  ]
  t.strictSame(ages.map(humanDuration), ['90s', '10m', '4h', '30h', '2d2h', '2y170d', '10y'])
})

// As no client of Node would send them.
t.test('a target is read as Go reads it: decoded, and never tidied up', async (t) => {
  const { api } = await started(t)
  const raw = async (target: string): Promise<string> => {
    const none = { framing: 'none', bytes: Buffer.alloc(0) } as const
    const port = Number(new URL(api.url).port)
    return String(await exchangeRaw(port, 'x', { method: 'GET', target, headers: [], body: none }))
  }
  const whole = `${api.url}${longhornPath}nodes`
  for (const target of [whole, whole.replaceAll('/nodes', '%2Fnodes')])
    t.match(await raw(target), /^HTTP\/1.1 200/)
  for (const target of [`${whole}#`, `${longhornPath}nodes?x#`])
    t.match(await raw(target), /^HTTP\/1.1 400.*a request target has no #/s)
  for (const odd of ['\\nodes', '/x/../nodes', '//nodes'])
    t.match(await raw(whole.replace('/nodes', odd)), /^HTTP\/1.1 404/, odd)
})

t.test('an unknown path is a clear 404', async (t) => {
  const { ask } = await started(t, { maxBodyBytes: 1000 })
  t.match(await ask('GET', 'volumes'), {
    code: 404,
    body: { message: /could not find the requested resource/ },
  })
  t.match(await ask('GET', '/api/v1/namespaces/default/events/e/status'), { code: 404 })
  t.match(await ask('GET', '/apis/longhorn.io/v1beta2/nodes/n1'), { code: 404 }, 'a name needs its namespace')
  t.match(await ask('GET', 'nodes/%E0%A4%A'), { code: 404 })
  t.match(await ask('POST', '/apis/longhorn.io/v1beta2/nodes', { body: node('n1') }), { code: 405 })
  t.match(await ask('PUT', 'nodes', { body: node('n1') }), { code: 405 })
  t.match(await ask('POST', 'nodes', { body: { ...node('n1'), padding: 'x'.repeat(2000) } }), { code: 413 })
  t.match(await ask('GET', 'nodes?fieldSelector=spec.name%3Dx'), {
    code: 400,
    body: { message: /field label not supported/ },
  })
  t.match(await ask('GET', 'nodes?labelSelector=a%20like%20b'), { code: 400 })
  t.match(await ask('PATCH', 'nodes/n1?timeout=soon', { body: {} }), { code: 400 })
})

t.test('a Lease and an Event are checked as far as others rely on them', async (t) => {
  const { ask } = await started(t)
  const lease = (spec: unknown) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'l' },
    spec,
  })
  const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
  t.match(await ask('POST', leases, { body: lease({ leaseDurationSeconds: 0 }) }), { code: 422 })
  t.match(await ask('POST', leases, { body: lease({ holderIdentity: 'me', leaseDurationSeconds: 1 }) }), {
    code: 201,
  })
  const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' } }
  const events = '/api/v1/namespaces/default/events'
  t.match(await ask('POST', events, { body: event }), { code: 422 })
  await ask('POST', events, {
    body: { ...event, involvedObject: { kind: 'Node', name: 'n1' }, type: 'Warning' },
  })
  const about = (name: string) =>
    ask('GET', `${events}?fieldSelector=involvedObject.name%3D${name},type!%3DNormal`)
  t.equal(listAt((await about('n1')).body, 'items').length, 1)
  t.equal(listAt((await about('n2')).body, 'items').length, 0)
})
