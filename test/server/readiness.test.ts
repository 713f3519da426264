import t from 'tap'
import { whyUnready } from '../../src/server/shared-book.ts'
import { cluster } from '../fixtures/cluster.ts'

const options = { longhornNamespace: 'longhorn', maxAgeMs: 120_000 }

function unready(of = cluster('v1.8.0'), { synced = true, ageMs = 0 } = {}): string | undefined {
  return whyUnready({ map: of.map, freshness: { synced, ageMs: () => ageMs } }, options)
}

t.test('a replica is ready once it has read a Longhorn', (t) => {
  t.equal(unready(), undefined)
  t.equal(unready(cluster().node('n1', [])), undefined, 'a node is enough')
  t.match(unready(cluster('v1.8.0'), { synced: false }), /^not all Longhorn objects have been read yet/)
  t.end()
})

t.test('a namespace without a Longhorn makes no replica ready', (t) => {
  t.match(unready(cluster()), /^There is no Longhorn in namespace longhorn: no node, .* --longhorn-namespace/)
  t.end()
})

t.test('a replica is not ready if the API server was silent for maxAge', (t) => {
  t.equal(unready(cluster('v1.8.0'), { ageMs: 120_000 }), undefined)
  t.match(unready(cluster('v1.8.0'), { ageMs: 120_001 }), /sent nothing for 120 s/)
  t.end()
})
