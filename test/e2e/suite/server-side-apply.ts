import type { Test } from 'tap'
import { disk, pending, uuid } from '../../fixtures/raw-objects.ts'
import { ask, longhornPath } from '../cluster.ts'
import type { RealCluster } from '../real-cluster.ts'
import { longhorn } from '../requests.ts'
import { World } from '../world.ts'

/** Server-side apply, which the embedded API server does not know: a field that its manager gives up simply disappears. */
export function serverSideApply(t: Test, cluster: RealCluster): void {
  const world = new World(cluster)
  t.test('server-side apply: a flag that is raised, and a copy that its manager lets go', async (t) => {
    await world.node('q4', [disk('q4-a'), disk('q4-b')])
    await world.image('q4', [pending('q4-a')])
    const apply = (object: object, ...flags: readonly string[]) =>
      cluster.kubectl(
        ['apply', '--server-side', '--force-conflicts', '-n', 'longhorn-system', ...flags, '-f', '-'],
        JSON.stringify({ apiVersion: 'longhorn.io/v1beta2', ...object }),
      )
    const node = (evictionRequested: boolean) => ({
      kind: 'Node',
      metadata: { name: 'q4' },
      spec: { evictionRequested },
    })
    t.equal((await apply(node(false))).code, 0)
    t.match((await apply(node(true), ...longhorn)).stderr, 'eviction-during-cleanup')

    await world.image('q4-image', [])
    const image = (map: object) => ({
      kind: 'BackingImage',
      metadata: { name: 'q4-image' },
      spec: { diskFileSpecMap: map, sourceType: 'download' },
    })
    t.equal((await apply(image({ [uuid('q4-b')]: { evictionRequested: false } }))).code, 0)
    const status = { diskFileStatusMap: { [uuid('q4-b')]: { state: 'ready', progress: 100 } } }
    await ask(cluster, 'PATCH', `${longhornPath('backingimages')}/q4-image/status`, { status })
    t.match((await apply(image({}))).stderr, 'last-usable-copy')
  })
  t.end()
}
