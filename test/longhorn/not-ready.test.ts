import t from 'tap'
import { parsed } from '../fixtures/cluster.ts'

t.test('the reason why something is not ready is read with its time, if it has one', (t) => {
  const read = (condition: object) =>
    parsed('Node', { metadata: { name: 'n' }, status: { conditions: [condition] } }).status.notReady
  const since = '2026-01-01T12:00:00Z'
  const reason = 'ManagerPodDown'
  t.strictSame(read({ type: 'Ready', status: 'False', reason, lastTransitionTime: since }), {
    reason,
    since: Date.parse(since),
  })
  t.strictSame(read({ type: 'Ready', status: 'False' }), { reason: '', since: undefined })
  t.strictSame(read({ type: 'Ready', status: 'False', lastTransitionTime: 'yesterday', reason: null }), {
    reason: '',
    since: undefined,
  })
  const fields = (...managedFields: object[]) =>
    parsed('Node', {
      metadata: { name: 'n', managedFields },
      status: { conditions: [{ type: 'Ready', status: 'False' }], diskStatus: { d: { conditions: [] } } },
    }).status.notReady?.unchangedSince
  const written = (time: string | null, subresource?: string) => ({ subresource, time })
  t.equal(fields(), undefined)
  t.equal(fields(written(since), written('never', 'status'), written(null, 'status')), undefined)
  t.equal(
    fields(
      written('2026-01-01T11:00:00Z', 'status'),
      written(since, 'status'),
      written('2027-01-01T00:00:00Z'),
    ),
    Date.parse(since),
    'the last write of status, whoever made it, and no other write',
  )
  t.equal(read({ type: 'Ready', status: 'True', reason }), undefined)
  t.equal(read({ type: 'Ready', status: 'Unknown', reason }), undefined)
  t.equal(read({ type: 'Schedulable', status: 'False', reason }), undefined)
  t.end()
})
