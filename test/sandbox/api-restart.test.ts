import t from 'tap'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { at } from '../../src/sandbox/json.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { guarded } from './api/guarded.ts'
import { node, setting } from './api/objects.ts'
import { longhornPath, started } from './api/started.ts'
import { Watching } from './api/watching.ts'

const away = { name: 'ApiError', message: 'the embedded cluster does not serve now' }

t.test('an API server that restarts', (t) => {
  t.test('serves the same objects at the same place', async (t) => {
    const { api, client, ask } = await started(t)
    await client.create(resources.Setting, setting('a', '1'))
    const { body } = await ask('GET', 'settings/a')
    await api.restart()
    t.match(await ask('GET', 'settings/a'), { code: 200, body })
  })

  t.test('ends every watch, and no watch can resume from before', async (t) => {
    const { api, client } = await started(t)
    const { metadata } = await client.create(resources.Setting, setting('a', '1'))
    const watch = `${api.url}${longhornPath}settings?watch=true&resourceVersion=${metadata.resourceVersion}`
    const before = await Watching.open(t, watch)
    await client.create(resources.Setting, setting('b', '1'))
    await api.restart()
    await eventually(() => before.ended)
    const after = await Watching.open(t, watch)
    const [line] = await after.until(1)
    t.equal(line?.type, 'ERROR')
    t.equal(at(line?.object, 'code'), 410)
  })

  t.test('breaks the watches within the process', async (t) => {
    const { api, client } = await started(t)
    const events: string[] = []
    const sink = {
      changed: ({ type }: { readonly type: string }) => void events.push(type),
      broken: () => void events.push('broken'),
    }
    api.watch(resources.Setting, 'longhorn-system', sink)
    await client.create(resources.Setting, setting('a', '1'))
    await api.restart()
    await client.create(resources.Setting, setting('b', '1'))
    t.same(events, ['ADDED', 'broken'])
    const { objects } = api.watch(resources.Setting, 'longhorn-system', sink)
    t.equal(objects.length, 2)
  })

  t.test('refuses everything while it is away', async (t) => {
    const clock = new FakeClock()
    const { api, client, ask } = await started(t, { clock })
    const restarted = api.restart(5_000)
    await eventually(() => clock.pending > 0)
    await t.rejects(client.get(resources.Setting, 'longhorn-system', 'a'), away)
    await t.rejects(ask('GET', 'settings'), 'nobody listens')
    const sink = { changed: () => undefined, broken: () => undefined }
    t.throws(() => api.watch(resources.Setting, 'longhorn-system', sink), away)
    clock.advance(5_000)
    await restarted
    t.match(await ask('GET', 'settings'), { code: 200 })
  })

  t.test('fails a write that a webhook is being asked about', async (t) => {
    const { api, webhook, client } = await guarded(t)
    let asked = false
    webhook.behaviour = () => {
      asked = true
      return new Promise(() => undefined)
    }
    const written = t.rejects(client.create(resources.Node, node('n1')))
    await eventually(() => asked)
    await api.restart()
    await written
    t.equal(await client.get(resources.Node, 'longhorn-system', 'n1'), undefined)
  })

  t.test('can be stopped while it is away', async (t) => {
    const clock = new FakeClock()
    const { api, ask } = await started(t, { clock })
    void api.restart(5_000)
    await eventually(() => clock.pending > 0)
    const stopped = api.stop()
    clock.advance(5_000)
    await stopped
    await turns(1)
    await t.rejects(ask('GET', 'settings'))
  })
  t.end()
})
