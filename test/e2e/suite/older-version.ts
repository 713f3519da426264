import type { Test } from 'tap'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import type { RealCluster } from '../real-cluster.ts'
import { longhorn, patch } from '../requests.ts'
import { World } from '../world.ts'

/** Writes in v1beta1, which Longhorn serves up to 1.8; `matchPolicy: Equivalent` brings them to the guard. */
export function olderVersion(t: Test, cluster: RealCluster): void {
  t.test('a flag that is raised through v1beta1 is judged too', async (t) => {
    const world = new World(cluster)
    await world.node('v1', [disk('v1-a'), disk('v1-b')])
    await world.image('v1', [pending('v1-a')])
    const spec = { evictionRequested: true }
    const refused = await patch(cluster, 'nodes.v1beta1.longhorn.io', 'v1', { spec }, ...longhorn)
    t.equal(refused.code, 1)
    t.match(refused.stderr, /has to wait: [^]*rule eviction-during-cleanup/)
  })
  t.end()
}
