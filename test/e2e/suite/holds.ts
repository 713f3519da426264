import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { disk, ready, uuid } from '../../fixtures/raw-objects.ts'
import type { Asked } from '../api-audit.ts'
import { ask, longhornPath } from '../cluster.ts'
import type { Guards } from '../guards.ts'
import { releaseAll, touch, untilTidy, writeAll, type Answered, type Released } from '../holding.ts'
import type { RealCluster } from '../real-cluster.ts'
import { World } from '../world.ts'

const requests = 64
/** The first is to warm up. */
const rounds = 4
/** A guard trusts its watch for changes older than this, in milliseconds, so the guards have to run for that long. */
const lagMs = 11_000

/** Many requests that one write releases: how soon they are answered, and the cost for the API server. */
export async function holds(t: Test, cluster: RealCluster, guards: Guards): Promise<void> {
  const { audit } = cluster.plane
  const world = new World(cluster)
  await world.node('hx', [disk('hx-a')])
  await world.image('h-source', [ready('hx-a')])
  await world.firstFile('h-source', 'hx-a', true)
  await wait(lagMs)

  t.test('an eviction takes one round trip to the API server, a clean-up two', async (t) => {
    await world.node('ho', [disk('ho-a'), disk('ho-b')])
    await world.image('ho', [ready('ho-a'), ready('hx-a')])
    await cluster.caughtUp()
    const flag = (evictionRequested: boolean) =>
      ask(cluster, 'PATCH', longhornPath('nodes/ho'), { spec: { disks: { 'ho-b': { evictionRequested } } } })
    // The first on a node makes its Lease.
    for (const verb of ['create', 'update']) {
      await touch(cluster, ['nodes/hx', 'backingimages/ho', 'backingimagedatasources/h-source'])
      const mark = await audit.mark()
      await flag(true)
      t.match(await audit.roundTrips(mark), [{ verb, resource: 'leases' }])
      await flag(false)
      await untilTidy(guards)
      // Or the other guard would read the node.
      cluster.written()
      await cluster.caughtUp()
    }
    const mark = await audit.mark()
    await ask(cluster, 'PATCH', longhornPath('backingimages/ho'), {
      spec: { diskFileSpecMap: { [uuid('ho-a')]: null } },
    })
    const asked = (await audit.roundTrips(mark)).map(({ verb, resource, name }) =>
      `${verb} ${resource} ${name}`.trim(),
    )
    t.strictSame(asked.toSorted(), [
      'get nodes ho',
      'list replicas',
      'list replicas',
      'update leases node.ho',
    ])
    const after = asked.indexOf('update leases node.ho')
    t.ok(asked.indexOf('get nodes ho') > after, 'the node is read once the reservation is made')
  })

  for (const nodes of [requests, 16]) {
    t.test(`${requests} evictions on ${nodes} nodes that the end of a clean-up releases`, (t) =>
      evictions(t, cluster, guards, nodes),
    )
  }

  t.test(`${requests} clean-ups on one node that the clear of its flag releases`, async (t) => {
    const images = Array.from({ length: requests }, (_, index) => `hc-${index}`)
    await world.node('hc', [disk('hc-a'), disk('hc-b')])
    for (const image of images) await world.image(image, [ready('hc-a'), ready('hx-a')])
    const flag = (evictionRequested: boolean) =>
      ask(cluster, 'PATCH', longhornPath('nodes/hc'), { spec: { disks: { 'hc-b': { evictionRequested } } } })
    const copy = { [uuid('hc-a')]: { evictionRequested: false } }
    for (let round = 0; round < rounds; round += 1) {
      await flag(true)
      const mark = await audit.mark()
      const patches = images.map((image) => ({
        object: `backingimages/${image}`,
        spec: { diskFileSpecMap: { [uuid('hc-a')]: null } },
      }))
      const released = await releaseAll(cluster, guards, patches, () => flag(false))
      reportReleased(t, `round ${round}`, released)
      allAdmitted(t, released)
      const asked = await audit.roundTrips(mark)
      t.comment(summary(asked))
      const count = (resource: string, verb: RegExp) =>
        asked.filter((each) => each.resource === resource && verb.test(each.verb)).length
      const swaps = count('leases', /create|update/)
      t.ok(swaps <= requests / 4, `they share ${swaps} writes of the Lease`)
      t.ok(count('nodes', /get/) <= swaps, 'one read of the node serves all that asked before it began')
      const lists = count('replicas', /list/)
      t.ok(
        lists <= 2 * swaps,
        `they share ${lists} lists of replicas, two for each write of the Lease at most`,
      )
      t.equal(count('nodes', /list/) + count('backingimages', /./), 0, 'no list of nodes, no image')
      for (const image of images)
        await ask(cluster, 'PATCH', longhornPath(`backingimages/${image}`), {
          spec: { diskFileSpecMap: copy },
        })
    }
  })
  t.end()
}

/** So many on each of the nodes that they make 64; of those on one node the API server commits one after the other. */
async function evictions(t: Test, cluster: RealCluster, guards: Guards, nodes: number): Promise<void> {
  const { audit } = cluster.plane
  const world = new World(cluster)
  const image = `h${nodes}`
  const names = Array.from({ length: nodes }, (_, index) => `h${nodes}-${index}`)
  const disksOf = (node: string) => Array.from({ length: requests / nodes }, (_, index) => `${node}-${index}`)
  for (const node of names)
    await world.node(node, [disk(`${node}-p`), ...disksOf(node).map((name) => disk(name))])
  const all = names.flatMap((node) => disksOf(node).map((name) => ({ node, name })))
  await world.image(image, [])
  const cleanUps = (state: object | null) => {
    const diskFileStatusMap = Object.fromEntries(names.map((node) => [uuid(`${node}-p`), state]))
    return ask(cluster, 'PATCH', `${longhornPath('backingimages')}/${image}/status`, {
      status: { diskFileStatusMap },
    })
  }
  const flag = (evictionRequested: boolean) =>
    all.map(({ node, name }) => ({
      object: `nodes/${node}`,
      spec: { disks: { [name]: { evictionRequested } } },
    }))
  for (let round = 0; round < rounds; round += 1) {
    await cleanUps({ state: 'ready', progress: 100 })
    const mark = await audit.mark()
    const touched = ['nodes/hx', `backingimages/${image}`, 'backingimagedatasources/h-source']
    const released = await releaseAll(cluster, guards, flag(true), () => cleanUps(null), touched)
    reportReleased(t, `round ${round}`, released)
    allAdmitted(t, released)
    const asked = await audit.roundTrips(mark)
    t.comment(summary(asked))
    // A review can come with a version that no watch has brought yet: then that node is read.
    t.strictSame(
      asked.filter(({ verb, resource }) => resource !== 'leases' && `${verb} ${resource}` !== 'get nodes'),
      [],
      'no list and no image is read: the disk map is enough',
    )
    // Of several writes to one node at once the API server refuses those that it has tried too often.
    if (nodes === requests) report(t, 'as many clears, not judged', await writeAll(cluster, flag(false)))
    else
      for (const { object, spec } of flag(false)) await ask(cluster, 'PATCH', longhornPath(object), { spec })
  }
}

function allAdmitted(t: Test, { statuses }: Answered): void {
  t.strictSame(
    statuses.filter((status) => status !== 200),
    [],
    'all are admitted',
  )
}

/** The guards' answers apart from the whole writes, of which most is the API server's own work. */
function reportReleased(t: Test, what: string, released: Released): void {
  t.ok(released.guardsMs.length >= requests, 'every answer of the guards was seen')
  report(t, `${what}, answers of the guards`, { ms: released.guardsMs })
  report(t, `${what}, whole requests`, released)
}

/** The time is for people: it depends on the machine, and on what else it does. */
function report(t: Test, what: string, { ms }: Pick<Answered, 'ms'>): void {
  const at = (share: number) => (ms[Math.ceil(ms.length * share) - 1] ?? NaN).toFixed(0)
  t.comment(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`)
}

function summary(asked: readonly Asked[]): string {
  const counts = new Map<string, number>()
  for (const { verb, resource } of asked) {
    const what = `${verb} ${resource}`
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts].map(([what, count]) => `${count} × ${what}`).join(', ')
}
