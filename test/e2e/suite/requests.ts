import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'
import { timeless } from '../../fixtures/timeless.ts'
import { askUntil } from '../ask-until.ts'
import { ask, longhornPath, type Cluster } from '../cluster.ts'
import { calm, cleanUp, evict, longhorn, onlyAboutTheWait, patch } from '../requests.ts'
import { World } from '../world.ts'

/** Every kind of request, and its answer. */
export function requests(t: Test, cluster: Cluster): void {
  const world = new World(cluster)
  t.teardown(() => world.forgetImages())

  t.test(
    'kubectl waits while a clean-up is pending, succeeds, and shows the reason of the wait',
    async (t) => {
      await world.node('q1', [disk('q1-a'), disk('q1-b')])
      await world.image('q1', [pending('q1-a')])
      const started = performance.now()
      const eviction = evict(cluster, 'q1', 'q1-b')
      // Long enough for the request to be under way; how long it takes is what the test is about.
      await wait(1_500)
      await world.cleanedUp('q1', 'q1-a')
      t.match(await eviction, {
        code: 0,
        stdout: 'node.longhorn.io/q1 patched\n',
        // kubectl takes a while to start, so the request may wait for less than a second.
        stderr: onlyAboutTheWait,
      })
      t.ok(performance.now() - started > 1_500)
    },
  )

  t.test('a dry run gets the same verdict, and leaves nothing behind', async (t) => {
    await world.node('q2', [disk('q2-a'), disk('q2-b')])
    await world.node('q2x', [disk('q2-c')])
    await world.image('q2', [ready('q2-a'), ready('q2-c')])
    const leases = '/apis/coordination.k8s.io/v1/leases'
    const reserved = async (): Promise<boolean> =>
      JSON.stringify(await ask(cluster, 'GET', leases)).includes('"node.q2')
    t.equal((await evict(cluster, 'q2', 'q2-b', '--dry-run=server')).code, 0)
    t.equal((await cleanUp(cluster, 'q2', 'q2-a', '--dry-run=server')).code, 0)
    t.notOk(await reserved())
    t.equal((await cleanUp(cluster, 'q2', 'q2-a')).code, 0)
    // Before that a guard speaks of the clean-up as one that came first, and of no image.
    cluster.written?.()
    const dry = await evict(cluster, 'q2', 'q2-b', ...longhorn, '--dry-run=server')
    const real = await evict(cluster, 'q2', 'q2-b', ...longhorn)
    t.match(dry.stderr, 'eviction-during-cleanup')
    t.equal(timeless(dry.stderr), timeless(real.stderr))
  })

  t.test('a dry run that would wait is answered by one review, and without Retry-After', async (t) => {
    await world.node('q12', [disk('q12-a'), disk('q12-b')])
    await world.image('q12', [pending('q12-a')])
    const dry = await evict(cluster, 'q12', 'q12-b', '--dry-run=server', '--v=6')
    t.equal(dry.code, 1)
    t.match(
      dry.stderr,
      /denied the request: dry run: evicting .* has to wait: [^]*rule eviction-during-cleanup/,
    )
    // kubectl before 1.34 writes its requests down in another form.
    t.equal(dry.stderr.match(/verb="PATCH"|\bPATCH https?:/g)?.length, 1, dry.stderr)
  })

  t.test('a JSON patch is judged by its result', async (t) => {
    await world.node('q3', [disk('q3-a'), disk('q3-b')])
    await world.image('q3', [pending('q3-a')])
    const body = [{ op: 'replace', path: '/spec/disks/q3-b/evictionRequested', value: true }]
    const args = ['patch', 'nodes.longhorn.io', 'q3', '-n', 'longhorn-system', '--type', 'json']
    const refused = await cluster.kubectl([...args, '-p', JSON.stringify(body), ...longhorn])
    t.match(refused.stderr, 'eviction-during-cleanup')
  })

  t.test('a request that clears a flag passes while a clean-up is pending', async (t) => {
    await world.node('q5', [disk('q5-a'), disk('q5-b', { evictionRequested: true })])
    await world.image('q5', [pending('q5-a')])
    t.equal((await calm(cluster, 'q5', 'q5-b', ...longhorn)).code, 0)
  })

  t.test('a stale write is the API server’s own conflict', async (t) => {
    await world.node('q6', [disk('q6-a')])
    const stale = { metadata: { resourceVersion: '1' }, spec: { evictionRequested: true } }
    t.match((await patch(cluster, 'nodes', 'q6', stale)).stderr, /Conflict|the object has been modified/)
  })

  t.test('deletecollection is answered with the objects as they were before', async (t) => {
    const path = longhornPath('settings')
    const names = ['q9-a', 'q9-b']
    for (const name of names) {
      const metadata = {
        name,
        namespace: 'longhorn-system',
        labels: { q9: 'yes' },
        finalizers: ['longhorn.io'],
      }
      const setting = { apiVersion: 'longhorn.io/v1beta2', kind: 'Setting', metadata, value: '1' }
      await ask(cluster, 'POST', path, setting)
    }
    const selected = { labelSelector: 'q9=yes' }
    const before = itemsOf(await ask(cluster, 'GET', path, undefined, selected))
    t.equal(before.length, 2)
    for (const options of [{ dryRun: ['All'] }, {}]) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
      const answered = itemsOf(await ask(cluster, 'DELETE', path, body, selected))
      t.strictSame(answered.map(metadataOf), before.map(metadataOf))
    }
    t.match(itemsOf(await ask(cluster, 'GET', path, undefined, selected)), [
      { metadata: { deletionTimestamp: /Z$/ } },
      { metadata: { deletionTimestamp: /Z$/ } },
    ])
    for (const name of names)
      await ask(cluster, 'PATCH', `${path}/${name}`, { metadata: { finalizers: null } })
  })

  t.test('kubectl describe shows a refusal at the object', async (t) => {
    await world.node('q8', [disk('q8-a')])
    await world.image('q8', [ready('q8-a')])
    t.equal((await cleanUp(cluster, 'q8', 'q8-a')).code, 1)
    const describe = ['describe', 'backingimages.longhorn.io', 'q8', '-n', 'longhorn-system']
    // The guard writes the Event after its answer.
    const { stdout } = await askUntil(
      () => cluster.kubectl(describe),
      (described) => described.stdout.includes('LastUsableCopy'),
    )
    t.match(stdout, /Warning +LastUsableCopy .*holdfast.* is denied: .* \(asked by /)
  })

  t.test(
    'Longhorn’s uninstaller deletes a node that it has marked, and nothing else is excused',
    async (t) => {
      await world.node('q9', [disk('q9-a')])
      await world.image('q9', [ready('q9-a')])
      const annotations = { 'longhorn.io/delete-node-from-longhorn': '' }
      t.equal((await patch(cluster, 'nodes', 'q9', { metadata: { annotations } })).code, 0)
      t.equal((await patch(cluster, 'backingimages', 'q9', { metadata: { annotations } })).code, 0)
      t.match(await cleanUp(cluster, 'q9', 'q9-a'), { code: 1, stderr: /last-usable-copy/ })
      t.match(await patch(cluster, 'nodes', 'q9', { spec: { disks: { 'q9-a': null } } }), {
        code: 1,
        stderr: /disk-removal-with-copies/,
      })
      t.equal((await cluster.kubectl(['delete', 'nodes.longhorn.io', '-n', 'longhorn-system', 'q9'])).code, 0)
    },
  )

  t.test('a deletion by Longhorn is not stopped', async (t) => {
    await world.node('q7', [disk('q7-a')])
    await world.image('q7', [ready('q7-a')])
    const path = `${longhornPath('backingimages')}/q7`
    await ask(cluster, 'PATCH', path, { metadata: { finalizers: ['longhorn.io'] } })
    await ask(cluster, 'DELETE', path)
    t.equal((await cleanUp(cluster, 'q7', 'q7-a')).code, 0, 'the last copy of an image that is deleted')
    await ask(cluster, 'PATCH', path, { metadata: { finalizers: null } })
  })
  t.end()
}

function itemsOf(list: unknown): readonly unknown[] {
  const { items } = list as { items?: unknown[] }
  return items ?? []
}

function metadataOf(item: unknown): unknown {
  const { metadata } = item as { metadata: object }
  return metadata
}
