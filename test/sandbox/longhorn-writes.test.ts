import fc from 'fast-check'
import t from 'tap'
import { profileOf } from '../../src/longhorn/releases.ts'
import { crashes } from '../../src/sandbox/controllers/crash-predicate.ts'
import { longhornServiceAccount } from '../../src/sandbox/controllers/resources.ts'
import type { DiskName } from '../../src/sandbox/controllers/seed-objects.ts'
import { entries, object, text } from '../../src/sandbox/json.ts'
import { turns } from '../fixtures/eventually.ts'
import { denial, type Write } from './longhorn/fake-cluster.ts'
import { change, cleanUp, copies, evict, image, readiness, world, type World } from './longhorn/world.ts'

const twoCopies = image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])

t.test('a cluster at rest gets no writes', async (t) => {
  const w = await world(t, { images: [twoCopies] })
  await w.clock.advanceStepwise(1_000)
  const before = versions(w)
  await w.clock.advanceStepwise(10_000)
  t.same(versions(w), before)
})

t.test('everything Longhorn writes, it writes as its service account', async (t) => {
  const w = await world(t, { release: 'v1.9.1', images: [twoCopies] })
  const seeding = w.cluster.writes.length
  await w.clock.advanceStepwise(1_000)
  await evict(w, 'node-1')
  await w.clock.advanceStepwise(5_000)
  const users = new Set(w.cluster.writes.slice(seeding).map(({ user }) => user))
  t.same([...users].toSorted(), ['admin', longhornServiceAccount('longhorn-system').username])
})

t.test('a refused write', (t) => {
  t.test('is reported and retried at each sync, and status goes on meanwhile', async (t) => {
    const w = await world(t, { release: 'v1.9.1', images: [image('ubuntu', ['node-1/disk-1'])] })
    w.cluster.deny = (write) => (removesKey(write) ? denial('an eviction is under way') : undefined)
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(10_000)
    t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'ready' })
    const refused = w.reports.filter(({ kind }) => kind === 'refused')
    t.ok(refused.length > 5, `${refused.length} times`)
    t.match(refused[0], {
      write: 'update backingimages ubuntu',
      status: { message: 'an eviction is under way' },
    })
    w.cluster.deny = () => undefined
    await w.clock.advanceStepwise(5_000)
    t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
  })

  t.test(
    'leaves a safe way to empty a node on release A: clear the flags, then let the removals happen',
    async (t) => {
      const w = await world(t, { release: 'v1.8.0', images: [image('ubuntu', ['node-1/disk-1'])] })
      let flagged = true
      w.cluster.deny = (write) => (flagged && removesKey(write) ? denial('the node is flagged') : undefined)
      await evict(w, 'node-1')
      await w.clock.advanceStepwise(10_000)
      t.equal(copies(w, 'ubuntu')['node-2/disk-1'], 'ready', 'the replacement is there')
      flagged = false
      await evict(w, 'node-1', false)
      await w.clock.advanceStepwise(10_000)
      t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
      t.same(w.longhorn.crashes, [])
    },
  )
  t.end()
})

t.test('a write that is held back does not keep a clean-up of the same image waiting', async (t) => {
  const w = await world(t, {
    release: 'v1.9.1',
    images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1', 'node-3/disk-1'])],
  })
  await cleanUp(w, 'ubuntu', 'node-3/disk-1')
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  w.cluster.hold = (write) => (removesKey(write) ? released : undefined)
  await evict(w, 'node-1')
  await w.clock.advanceStepwise(5_000)
  t.same(copies(w, 'ubuntu'), { 'node-1/disk-1': 'ready', 'node-2/disk-1': 'ready' }, 'drained meanwhile')
  release()
  await w.clock.advanceStepwise(5_000)
  t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
})

t.test('a conflict is tried again at once, on the newer version', async (t) => {
  const w = await world(t, { release: 'v1.9.1', images: [twoCopies] })
  w.cluster.beforeCommit = (write) => {
    if (!write.user.startsWith('system:') || write.plural !== 'backingimages' || write.status)
      return undefined
    w.cluster.beforeCommit = () => undefined
    return change(w.admin, 'BackingImage', 'ubuntu', (spec) => ({ ...spec, checksum: 'changed meanwhile' }))
  }
  await evict(w, 'node-1')
  await w.clock.advanceStepwise(10_000)
  t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
  t.equal(text(object(w.cluster.find('backingimages', 'ubuntu')?.spec).checksum), 'changed meanwhile')
  t.same(
    w.reports.filter(({ kind }) => kind === 'refused' || kind === 'failed'),
    [],
  )
})

t.test('an API server that fails is reported, and work goes on when it is back', async (t) => {
  const w = await world(t, { release: 'v1.9.1', images: [twoCopies] })
  w.cluster.deny = () => {
    throw new Error('connection refused')
  }
  await evict(w, 'node-1').catch(() => undefined)
  w.cluster.deny = ({ user }) => {
    if (user === 'admin') return undefined
    throw new Error('connection refused')
  }
  await evict(w, 'node-1')
  await w.clock.advanceStepwise(2_000)
  t.match(
    w.reports.find(({ kind }) => kind === 'failed'),
    { work: 'sync node node-1', error: { message: 'connection refused' } },
  )
  w.cluster.deny = () => undefined
  await w.clock.advanceStepwise(10_000)
  t.same(copies(w, 'ubuntu'), { 'node-2/disk-1': 'ready' })
})

t.test('stop', (t) => {
  t.test('waits for the write that runs', async (t) => {
    const w = await world(t, { release: 'v1.9.1', images: [twoCopies] })
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    w.cluster.hold = ({ user }) => (user === 'admin' ? undefined : released)
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(1_000)
    let stopped = false
    const stopping = w.longhorn.stop().then(() => (stopped = true))
    await turns(1)
    t.notOk(stopped)
    release()
    await stopping
  })

  t.test('leaves no timer and no listener behind, not even of a manager that is down', async (t) => {
    const w = await world(t, { release: 'v1.8.0', images: [twoCopies] })
    await evict(w, 'node-1')
    await w.clock.advanceStepwise(1_000)
    t.equal(w.longhorn.crashes.length, 1)
    await w.longhorn.stop()
    t.equal(w.clock.pending, 0)
    t.equal(w.cluster.listeners, 0)
  })
  t.end()
})

t.test('a node', (t) => {
  t.test(
    'gives a new disk its UUID and a backing image manager, and takes both away with the disk',
    async (t) => {
      const w = await world(t, {})
      const disks = entries(object(w.cluster.find('nodes', 'node-1')?.spec).disks)
      const added = { ...disks.get('disk-1'), path: '/mnt/new/' }
      await change(w.admin, 'Node', 'node-1', (spec) => ({
        ...spec,
        disks: { ...object(spec.disks), new: added },
      }))
      await w.clock.advanceStepwise(1_000)
      const status = () => entries(object(w.cluster.find('nodes', 'node-1')?.status).diskStatus).get('new')
      const uuid = text(status()?.diskUUID)
      t.match(uuid, /^[0-9a-f-]{36}$/)
      const managers = () => w.cluster.all('backingimagemanagers').map(({ spec }) => object(spec).diskUUID)
      t.ok(managers().includes(uuid))
      await change(w.admin, 'Node', 'node-1', (spec) => ({ ...spec, disks: Object.fromEntries(disks) }))
      await w.clock.advanceStepwise(1_000)
      t.equal(status(), undefined)
      t.notOk(managers().includes(uuid))
    },
  )

  t.test('gets a manager when it joins and loses it when it is deleted', async (t) => {
    const w = await world(t, {})
    const joined = {
      ...w.cluster.find('nodes', 'node-1'),
      metadata: { name: 'node-9', namespace: 'longhorn-system' },
    }
    const nodes = { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' }
    await w.admin.create(nodes, { apiVersion: 'longhorn.io/v1beta2', kind: 'Node', ...joined })
    await w.clock.advanceStepwise(1_000)
    t.ok(w.longhorn.isLive('node-9'))
    t.equal(readiness(w, 'node-9'), 'True')
    await w.admin.update(nodes, {
      ...(await stored(w, 'node-9')),
      metadata: { name: 'node-9', finalizers: [] },
    })
    await w.admin.delete(nodes, 'longhorn-system', 'node-9')
    await w.clock.advanceStepwise(1_000)
    t.notOk(w.longhorn.isLive('node-9'))
  })
  t.end()
})

t.test(
  'a flag that is cleared before a clean-up begins never counts, whichever reading falls in between',
  async (t) => {
    const images = [image('ubuntu', ['node-1/disk-1', 'node-3/disk-1'])]
    for (let reading = 0; reading < 8; reading++) {
      const w = await world(t, { release: 'v1.8.0', images })
      await evict(w, 'node-1/disk-2')
      await w.clock.advanceStepwise(1_000)
      let readings = 0
      const touch = () => change(w.admin, 'Node', 'node-2', (spec) => ({ ...spec, tags: [`${readings}`] }))
      w.cluster.beforeList = async (plural) => {
        if (plural !== 'backingimages' || readings > reading) return
        // Each controller is to read anew, until it is this one's turn.
        if (readings++ < reading) {
          await touch()
          return
        }
        // The nodes of this reading are those from before, its images those from after.
        await evict(w, 'node-1/disk-2', false)
        await cleanUp(w, 'ubuntu', 'node-1/disk-1')
      }
      await touch()
      await w.clock.advanceStepwise(1_000)
      t.equal(copies(w, 'ubuntu')['node-1/disk-1'], 'pending cleanup')
      t.same(w.longhorn.crashes, [], `reading ${reading}`)
    }
  },
)

t.test('whatever users do, a manager crashes only in a state of its crash predicate', async (t) => {
  const disks: DiskName[] = ['node-1/disk-1', 'node-1/disk-2', 'node-2/disk-1', 'node-2/disk-2']
  const disk = fc.constantFrom(...disks)
  const step = fc.oneof(
    fc.record({
      what: fc.constant('evict' as const),
      on: fc.oneof(disk, fc.constantFrom('node-1', 'node-2')),
      up: fc.boolean(),
    }),
    fc.record({ what: fc.constant('clean up' as const), on: disk, up: fc.constant(true) }),
    fc.record({
      what: fc.constant('power' as const),
      on: fc.constantFrom('node-1', 'node-2'),
      up: fc.boolean(),
    }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('v1.8.0', 'v1.8.1', 'v1.9.1', 'v1.6.4'),
      fc.array(fc.tuple(step, fc.constantFrom(5, 300, 3_000)), { minLength: 1, maxLength: 8 }),
      async (release, steps) => {
        const w = await world(t, { release, nodes: 2, images: [image('ubuntu', disks, 2)] })
        const predicted = new Set<string>()
        w.cluster.onCommit = () => {
          for (const node of w.cluster.all('nodes')) {
            if (crashes(profileOf(release), node, w.cluster.all('backingimages')))
              predicted.add(node.metadata.name)
          }
        }
        for (const [{ what, on, up }, pauseMs] of steps) {
          if (what === 'evict') await evict(w, on, up)
          if (what === 'clean up')
            await cleanUp(w, 'ubuntu', disks.find((name) => name === on) ?? 'node-1/disk-1')
          if (what === 'power') await (up ? w.longhorn.powerOn(on) : w.longhorn.powerOff(on))
          await w.clock.advanceStepwise(pauseMs)
        }
        const crashed = new Set(w.longhorn.crashes.map(({ node }) => node))
        await w.longhorn.stop()
        if (w.reports.some(({ kind }) => kind === 'failed')) return false
        return [...crashed].every((node) => predicted.has(node))
      },
    ),
    { numRuns: 60 },
  )
})

function removesKey({ plural, status, object: after, before }: Write): boolean {
  if (plural !== 'backingimages' || status) return false
  const keys = (stored: typeof before) => Object.keys(object(object(stored?.spec).diskFileSpecMap))
  return keys(before).some((key) => !keys(after).includes(key))
}

function versions({ cluster }: World): unknown[] {
  return ['nodes', 'backingimages', 'backingimagedatasources', 'backingimagemanagers'].flatMap((plural) =>
    cluster.all(plural).map(({ metadata }) => metadata.resourceVersion),
  )
}

async function stored({ admin }: World, node: string) {
  const resource = { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' }
  const found = await admin.get(resource, 'longhorn-system', node)
  if (!found) throw new Error(`there is no node ${node}`)
  return found
}
