import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { run, type Ended } from '../../commands/holdfast.ts'
import { holdfast as program } from '../../fixtures/main.ts'
import { Child } from '../child.ts'
import { LonghornBeside } from '../longhorn-beside.ts'
import type { RealCluster } from '../real-cluster.ts'

const nodes = 'nodes.longhorn.io'
const inLonghorn = ['-n', 'longhorn-system']
const annotation = `{.metadata.annotations.holdfast\\.dev/rescue}`
const flags =
  '{.spec.evictionRequested} {.spec.disks.disk-1.evictionRequested} {.spec.disks.disk-2.evictionRequested}'

/**
 * Commands and the guard's own option for the crash, from the crash itself to its end, on a real API server: with the chart,
 * its rights and its policies, and with Longhorn's controllers in miniature beside.
 */
export async function maintenance(t: Test, cluster: RealCluster): Promise<void> {
  const yaml = await cluster.install('rescue.enabled=true')
  const longhorn = await LonghornBeside.start(cluster, { release: 'v1.8.0' })
  t.teardown(() => longhorn.stop())
  const kubeconfig = join(cluster.plane.folder, 'kubeconfig')
  const holdfast = (...args: readonly string[]): Promise<Ended> => run([...args, '--kubeconfig', kubeconfig])
  const look = async (node: string, path: string): Promise<string> =>
    await cluster.must(['get', nodes, node, ...inLonghorn, '-o', `jsonpath=${path}`])
  const becomes = async (node: string, path: string, wanted: RegExp): Promise<void> => {
    const until = performance.now() + 60_000
    for (;;) {
      const seen = await look(node, path)
      if (wanted.test(seen)) return
      if (performance.now() > until) throw new Error(`${path} of ${node} is ${seen}`)
      await wait(100)
    }
  }
  const patch = (object: string, body: object) =>
    cluster.must(['patch', ...object.split(' '), ...inLonghorn, '--type=merge', '-p', JSON.stringify(body)])

  await t.test(
    'a crash without a guard is rescued, also by a process that is killed in the middle',
    async (t) => {
      const uuid = longhorn.seeded.uuidOf('node-1/disk-1')
      await longhorn.setBackingImageManager(uuid, 'unknown')
      await cluster.must(['delete', 'validatingwebhookconfigurations', 'holdfast'])
      await patch('backingimages.longhorn.io ubuntu-22.04', { spec: { diskFileSpecMap: { [uuid]: null } } })
      const disk = { allowScheduling: false, evictionRequested: true }
      await patch(`${nodes} node-1`, { spec: { disks: { 'disk-1': disk } } })
      const until = performance.now() + 60_000
      while (longhorn.longhorn.crashCount('node-1') < 2) {
        if (performance.now() > until) throw new Error('the manager does not crash')
        await wait(50)
      }
      const args = [...program, 'rescue', '--kubeconfig', kubeconfig]
      const killed = new Child('rescue', process.execPath, args, { PATH: process.env.PATH ?? '' })
      await killed.line((line) => (line.includes('waiting for 1 clean-up to end') ? line : undefined))
      await killed.end('SIGKILL')
      t.equal(await look('node-1', flags), 'false false false')
      t.match(await look('node-1', annotation), /"disks":\["disk-1"\].*"by":"administrator"/)
      const going = holdfast('rescue')
      await longhorn.setBackingImageManager(uuid, 'running')
      const ended = await going
      t.equal(ended.code, 3, ended.stderr)
      t.match(ended.stderr, 'a rescue by administrator took the flag of disk-1 down')
      t.match(ended.stderr, /no guard is registered in this cluster/)
      t.ok(longhorn.longhorn.isLive('node-1'))
    },
  )

  const guards = await cluster.deploy(yaml)
  t.teardown(() => guards.stop())
  await cluster.must(['apply', '-f', '-'], yaml)
  await Promise.all([guards.add('--rescue', 'on'), guards.add('--rescue', 'on')])

  t.test('once a guard runs, the same command raises the flags, and reopen takes them down', async (t) => {
    const { code, stderr } = await holdfast('rescue', 'node-1')
    t.equal(code, 0, stderr)
    t.equal(await look('node-1', flags), 'false true false')
    t.equal(await look('node-1', annotation), '')
    t.match(await holdfast('reopen', 'node-1', '--disk', 'disk-1'), { code: 0 })
    t.equal(await look('node-1', flags), 'false false false')
  })

  t.test(
    'the guard itself clears flags that met a status ahead of spec, and raises them again',
    async (t) => {
      const uuid = longhorn.seeded.uuidOf('node-3/disk-2')
      await longhorn.setBackingImageManager(uuid, 'unknown')
      const disk = { allowScheduling: false, evictionRequested: true }
      await patch(`${nodes} node-3`, { spec: { disks: { 'disk-2': disk } } })
      await longhorn.aheadOfSpec('ubuntu-22.04', uuid)
      await becomes(
        'node-3',
        annotation,
        /"disks":\["disk-2"\].*"by":"system:serviceaccount:holdfast:holdfast"/,
      )
      t.equal(await look('node-3', flags), 'false false false')
      await longhorn.setBackingImageManager(uuid, 'running')
      await becomes('node-3', flags, /^false false true$/)
      t.equal(await look('node-3', annotation), '')
      const events = ['get', 'events', ...inLonghorn, '-o', 'jsonpath={.items[*].reason}']
      const until = performance.now() + 30_000
      let reasons = ''
      while (!/FlagsCleared.*FlagsRaised|FlagsRaised.*FlagsCleared/s.test(reasons)) {
        if (performance.now() > until) throw new Error(`the Events are ${reasons}`)
        reasons = await cluster.must(events)
      }
      t.match(await holdfast('reopen', 'node-3', '--disk', 'disk-2'), { code: 0 })
    },
  )

  t.test('the guard’s account changes flags and its note on a node, and nothing else', async (t) => {
    const as = ['--as', 'system:serviceaccount:holdfast:holdfast', '--dry-run=server']
    const tries = async (body: object): Promise<Ended> =>
      await cluster.kubectl([
        ...['patch', nodes, 'node-2', ...inLonghorn, '--type=merge', '-p', JSON.stringify(body), ...as],
      ])
    const denied: readonly (readonly [string, object, RegExp])[] = [
      [
        'scheduling',
        { spec: { allowScheduling: false } },
        /eviction flags of a Longhorn node, and nothing else/,
      ],
      ['tags', { spec: { tags: ['x'] } }, /and nothing else/],
      ['a disk that goes', { spec: { disks: { 'disk-2': null } } }, /and nothing else/],
      ['a disk that comes', { spec: { disks: { more: { path: '/more' } } } }, /and nothing else/],
      ['a field of a disk', { spec: { disks: { 'disk-2': { path: '/else' } } } }, /and nothing else/],
      ['a label', { metadata: { labels: { a: 'b' } } }, /and no other metadata/],
      ['a finalizer', { metadata: { finalizers: null } }, /and no other metadata/],
      ['another annotation', { metadata: { annotations: { a: 'b' } } }, /and no other metadata/],
    ]
    for (const [what, body, why] of denied) t.match(await tries(body), { code: 1, stderr: why }, what)
    const note = { metadata: { annotations: { 'holdfast.dev/rescue': '{}' } } }
    const both = {
      ...note,
      spec: { evictionRequested: false, disks: { 'disk-2': { evictionRequested: true } } },
    }
    t.match(await tries(both), { code: 0 })
  })

  t.test('from plan to back in service are three commands', async (t) => {
    const before = longhorn.longhorn.crashes.length
    const plan = await holdfast('plan', 'node-1', 'node-2', '-o', 'json')
    t.equal(plan.code, 0, plan.stderr)
    const file = join(cluster.plane.folder, 'plan.json')
    await writeFile(file, plan.stdout)
    const evicted = await holdfast('evict', '--plan', file)
    t.equal(evicted.code, 0, evicted.stderr)
    t.match(evicted.stderr, /To put back in service: holdfast reopen node-1 node-2/)
    const status = await holdfast('status')
    t.match(status.stdout, /^node-1 +- +closed +2 +0 /m, status.stdout)
    t.match(status.stdout, /^node-2 +- +closed +2 +0 /m)
    const reopened = await holdfast('reopen', 'node-1', 'node-2')
    t.equal(reopened.code, 0, reopened.stderr)
    t.match((await holdfast('status')).stdout, /^node-1 +- +open /m)
    t.equal(longhorn.longhorn.crashes.length, before, 'no manager crashes')
  })
  t.end()
}
