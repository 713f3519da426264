import t from 'tap'
import type { Change } from '../../src/rules/change.ts'
import type { TestCluster } from '../fixtures/cluster.ts'
import { disk } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'
import { emptied, evictD1, is, two, usual } from './replicas.ts'

const rest = { door: 'proxy-longhorn' } as const

/** The eviction of the first disk of n1, asked of Longhorn's REST API. */
function evictThroughRest(of: TestCluster): Change {
  return of.toNode('n1', [disk('d1', emptied), disk('d2')], {}, rest)
}

/** All that is reserved but the turns of proxies. */
function onNodes({ reservations }: GateWorld) {
  return reservations.filter(({ intent }) => intent !== 'write')
}

t.test('a write of Longhorn’s REST API on any version stays reserved until its answer', async (t) => {
  const [one, other] = two()
  const { verdict, release } = await one.decide(evictThroughRest(one.cluster))
  t.equal(verdict.decision, 'allow')
  t.match(onNodes(one), [{ pinned: true, intent: 'eviction' }])
  for (const world of [one, other])
    world.cluster.node('n1', [disk('d1'), disk('d2', { tags: ['ssd'] })], {
      metadata: { resourceVersion: '9' },
    })
  await is(t, 'hold', other, other.cluster.cleanUp('ubuntu', ['d1']))
  await release?.()
  t.strictSame(one.reservations, [])
  await is(t, 'allow', other, other.cluster.cleanUp('ubuntu', ['d1']))
})

t.test('a write through the API server is settled by the next version of its object', async (t) => {
  const [one, other] = two()
  await is(t, 'allow', one, evictD1(one.cluster))
  t.notOk(one.reservations[0]?.pinned)
  for (const world of [one, other])
    world.cluster.node('n1', [disk('d1'), disk('d2')], { metadata: { resourceVersion: '9' } })
  await is(t, 'allow', other, other.cluster.cleanUp('ubuntu', ['d1']))
})

t.test('one request that passes both doors is one change, and is settled as the webhook’s own', async (t) => {
  const [proxy, webhook] = two()
  const { release } = await proxy.decide(evictThroughRest(proxy.cluster))
  await is(t, 'allow', webhook, evictD1(webhook.cluster))
  t.match(onNodes(proxy), [{ by: 'two' }])
  t.equal(onNodes(proxy).length, 1)
  t.notOk(onNodes(proxy)[0]?.pinned)
  await release?.()
  t.equal(proxy.reservations.length, 1, 'the webhook’s stands until it is settled')
})

t.test('a change without a reservation has nothing to release', async (t) => {
  const world = new GateWorld(usual())
  t.equal(
    (await world.decide(world.cluster.toNode('n1', [disk('d1'), disk('d2')], {}, rest))).release,
    undefined,
  )
})
