import type { Test } from 'tap'
import type { Ended } from '../../commands/holdfast.ts'
import { disk, pending, ready, uuid } from '../../fixtures/raw-objects.ts'
import { ask, longhornPath } from '../cluster.ts'
import type { RealCluster } from '../real-cluster.ts'
import { longhorn } from '../requests.ts'
import { World } from '../world.ts'

const inLonghorn = ['-n', 'longhorn-system']

/** A way to write an object, without waiting. */
type Write = (kind: string, name: string, ...flags: readonly string[]) => Promise<Ended>

/** Every verb and content type by which an API server takes a change of an object that is there. */
export function patches(t: Test, cluster: RealCluster): void {
  const world = new World(cluster)
  t.teardown(() => world.forgetImages())

  const patched = (type: string, body: object): Write => {
    const patch = ['--type', type, '-p', JSON.stringify(body)]
    return (kind, name, ...flags) =>
      cluster.kubectl(['patch', kind, name, ...inLonghorn, ...longhorn, ...patch, ...flags])
  }
  const edited = (change: (spec: Record<string, unknown>) => object): Write => {
    return async (kind, name, ...flags) => {
      const [plural = ''] = kind.split('.')
      const object = (await ask(cluster, 'GET', `${longhornPath(plural)}/${name}`)) as {
        spec: Record<string, unknown>
      }
      const next = JSON.stringify({ ...object, spec: { ...object.spec, ...change(object.spec) } })
      return await cluster.kubectl(['replace', ...inLonghorn, ...longhorn, ...flags, '-f', '-'], next)
    }
  }
  /** Applies one object, and then another. The second time the fields count that the first one had. */
  const applied = (first: object, second: object, ...how: readonly string[]): Write => {
    return async (kind, name, ...flags) => {
      const apply = (spec: object, ...more: readonly string[]) => {
        const its = kind.startsWith('nodes') ? 'Node' : 'BackingImage'
        const object = { apiVersion: 'longhorn.io/v1beta2', kind: its, metadata: { name }, spec }
        return cluster.kubectl(
          ['apply', ...inLonghorn, ...longhorn, ...how, ...more, '-f', '-'],
          JSON.stringify(object),
        )
      }
      const before = await apply(first)
      return before.code === 0 ? await apply(second, ...flags) : before
    }
  }
  const serverSide = ['--server-side', '--field-manager', 'gitops']
  const forced = [...serverSide, '--force-conflicts']

  /** Tries each way, as a dry run too. */
  const eachIsDenied = (
    t: Test,
    rule: string,
    object: readonly [kind: string, name: string],
    ways: Readonly<Record<string, Write>>,
  ) => {
    for (const [way, write] of Object.entries(ways)) {
      t.test(way, async (t) => {
        for (const flags of [['--dry-run=server'], []]) {
          const { code, stderr } = await write(...object, ...flags)
          t.equal(code, 1, stderr)
          t.match(stderr, new RegExp(`denied the request: [^]* rule ${rule}\\b`), stderr)
        }
      })
    }
  }

  t.test('an eviction is judged however it is written', async (t) => {
    await world.node('w1', [disk('w1-a'), disk('w1-b')])
    await world.image('w1', [pending('w1-a')])
    const disks = (evictionRequested: boolean) => ({ 'w1-b': { evictionRequested } })
    const path = '/spec/disks/w1-b/evictionRequested'
    eachIsDenied(t, 'eviction-during-cleanup', ['nodes.longhorn.io', 'w1'], {
      'merge patch of a disk': patched('merge', { spec: { disks: disks(true) } }),
      'merge patch of the node': patched('merge', { spec: { evictionRequested: true } }),
      'JSON patch: add': patched('json', [{ op: 'add', path, value: true }]),
      'JSON patch: replace': patched('json', [{ op: 'replace', path, value: true }]),
      'JSON patch: copy': patched('json', [{ op: 'copy', from: '/spec/allowScheduling', path }]),
      'JSON patch: remove and add': patched('json', [
        { op: 'remove', path },
        { op: 'test', path: '/spec/allowScheduling', value: true },
        { op: 'add', path, value: true },
      ]),
      'JSON patch: the whole spec': patched('json', [
        { op: 'copy', from: '/spec/allowScheduling', path: '/spec/evictionRequested' },
      ]),
      replace: edited(() => ({ evictionRequested: true })),
      'apply on the client': applied({ disks: disks(false) }, { disks: disks(true) }),
      'apply on the server': applied(
        { tags: ['one'] },
        { tags: ['one'], evictionRequested: true },
        ...forced,
      ),
      'apply on the server, of a field that nobody else owns': applied(
        { tags: ['one'] },
        { tags: ['one'], disks: { 'w1-c': { path: '/mnt/w1-c', evictionRequested: true } } },
        ...forced,
      ),
    })
  })

  t.test('a clean-up is judged however it is written', async (t) => {
    await world.node('w2', [disk('w2-a')])
    await world.image('w2', [ready('w2-a')])
    const only = uuid('w2-a')
    const path = `/spec/diskFileSpecMap/${only}`
    const whole = { [only]: { evictionRequested: false } }
    const rest = { sourceType: 'download' }
    eachIsDenied(t, 'last-usable-copy', ['backingimages.longhorn.io', 'w2'], {
      'merge patch of a copy': patched('merge', { spec: { diskFileSpecMap: { [only]: null } } }),
      'merge patch of all copies': patched('merge', { spec: { diskFileSpecMap: null } }),
      'merge patch that puts another in its place': patched('merge', {
        spec: { diskFileSpecMap: { [only]: null, other: {} } },
      }),
      'JSON patch: remove': patched('json', [{ op: 'remove', path }]),
      'JSON patch: move': patched('json', [{ op: 'move', from: path, path: '/spec/diskFileSpecMap/other' }]),
      'JSON patch: all copies': patched('json', [
        { op: 'replace', path: '/spec/diskFileSpecMap', value: {} },
      ]),
      replace: edited(() => ({ diskFileSpecMap: {} })),
      'apply on the client': applied({ ...rest, diskFileSpecMap: whole }, { ...rest, diskFileSpecMap: {} }),
    })
  })

  t.test('a copy that its manager lets go on the server is judged', async (t) => {
    await world.node('w3', [disk('w3-a')])
    await world.image('w3', [])
    const rest = { sourceType: 'download' }
    const whole = { [uuid('w3-a')]: { evictionRequested: false } }
    const apply = applied({ ...rest, diskFileSpecMap: whole }, { ...rest, diskFileSpecMap: whole }, ...forced)
    t.match(await apply('backingimages.longhorn.io', 'w3'), { code: 0 })
    const status = { diskFileStatusMap: { [uuid('w3-a')]: { state: 'ready', progress: 100 } } }
    await ask(cluster, 'PATCH', `${longhornPath('backingimages')}/w3/status`, { status })
    const lets = (diskFileSpecMap?: object): Write =>
      applied(
        { ...rest, diskFileSpecMap: whole },
        { ...rest, ...(diskFileSpecMap && { diskFileSpecMap }) },
        ...forced,
      )
    eachIsDenied(t, 'last-usable-copy', ['backingimages.longhorn.io', 'w3'], {
      'it names no copy any more': lets({}),
      'it names no map any more': lets(),
      'it names another copy': lets({ other: {} }),
    })
  })

  t.test('a removal of a disk is judged however it is written', async (t) => {
    await world.node('w4', [disk('w4-a'), disk('w4-b')])
    await world.image('w4', [ready('w4-a')])
    const path = '/spec/disks/w4-a'
    const own = { 'w4-a': { path: '/mnt/w4-a' }, 'w4-b': { path: '/mnt/w4-b' } }
    const { 'w4-b': other } = own
    eachIsDenied(t, 'disk-removal-with-copies', ['nodes.longhorn.io', 'w4'], {
      'merge patch of a disk': patched('merge', { spec: { disks: { 'w4-a': null } } }),
      'merge patch of all disks': patched('merge', { spec: { disks: null } }),
      'JSON patch: remove': patched('json', [{ op: 'remove', path }]),
      'JSON patch: move': patched('json', [{ op: 'move', from: path, path: '/spec/disks/w4-c' }]),
      replace: edited(() => ({ disks: {} })),
      'apply on the client': applied({ disks: own }, { disks: { 'w4-b': other } }),
    })
  })

  t.test('the API server’s own answers to writes that would not arm alone', async (t) => {
    await world.node('w5', [disk('w5-a'), disk('w5-b')])
    await world.image('w5', [pending('w5-a')])
    const node = ['nodes.longhorn.io', 'w5'] as const
    const flag = { spec: { evictionRequested: true } }
    t.match(await patched('strategic', flag)(...node), {
      code: 1,
      stderr: /strategic-merge-patch\+json is not supported/,
    })
    await applied({ allowScheduling: true }, { allowScheduling: true }, ...forced)(...node)
    const conflicting = ['--server-side', '--field-manager', 'somebody']
    t.match(
      await applied(
        { tags: [] },
        { allowScheduling: false, evictionRequested: true },
        ...conflicting,
      )(...node),
      { code: 1, stderr: /conflict/ },
    )
    // A write of status leaves spec alone, so it arms nothing.
    t.match(
      await patched('merge', { ...flag, status: { region: 'here' } })(...node, '--subresource=status'),
      {
        code: 0,
      },
    )
    const scale = await cluster.kubectl(['scale', 'nodes.longhorn.io/w5', ...inLonghorn, '--replicas=0'])
    t.match(scale, { code: 1, stderr: /could not find the requested resource|NotFound/ })
    const { spec } = (await ask(cluster, 'GET', `${longhornPath('nodes')}/w5`)) as {
      spec: { evictionRequested: boolean }
    }
    t.equal(spec.evictionRequested, false)
  })
  t.end()
}
