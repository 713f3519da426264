import t from 'tap'
import type { GuardReplica } from '../../../src/commands/status/status.ts'
import { readGuardReplica, saysTheSame } from '../../../src/commands/status/status.ts'
import { tables } from '../../../src/commands/status/tables.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { heldAt } from '../../../src/observability/hold-record.ts'
import { cluster, noon } from '../../fixtures/cluster.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { held } from '../../observability/held.ts'
import { look } from './look.ts'

const world = cluster('v1.8.0')
  .node('n1', [disk('d1'), disk('d2')])
  .node('n2', [disk('d3')], { evictionRequested: true })
  .image('ubuntu', [pending('d3')])

/** A replica that said two seconds ago what it holds. */
function replica(name: string, ...waiting: readonly ReturnType<typeof held>[]): GuardReplica {
  const answer = {
    replica: name,
    version: '1',
    synced: true,
    holds: waiting.length,
    waiting: waiting.map((each) => heldAt(each, 1_000)),
  }
  const parsed = readGuardReplica(answer, noon + 88_000)
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

const plain = { colours: coloursFor({ isTTY: false }, {}), server: 'https://lab:6443', headers: true }

function text(guard: readonly GuardReplica[] | undefined, wide = false): string {
  return tables(look(world, { guard }), { ...plain, wide })
}

const bob = held({
  request: { uid: 'r', user: 'bob', door: 'proxy-longhorn' },
  doing: 'evicting node n2',
  since: -60_000,
  nodes: ['n2'],
  causes: [
    {
      rule: 'evict-unready-copy',
      found: 'backing image debian has no ready copy',
      subject: { node: 'n2', image: 'debian' },
      progress: 43,
    },
  ],
  moreCauses: 2,
})

t.test('the waiting requests of all replicas come first, the longest first, then nodes in danger', (t) => {
  const [, waiting, nodes] = text([replica('a', held()), replica('b', bob)]).split('\n\n')
  t.equal(
    waiting,
    `WAITING             USER   FOR   LEFT   CAUSE
evicting node n2    bob    63s   5s     backing image debian has no ready copy, a copy is at 43 % and 2 more
evicting d2 of n1   ann    3s    5s     backing image ubuntu is still being removed from d1 (for 12s)`,
  )
  t.match(nodes, /^NODE .*\nn2 .* danger\nn1 /)
  t.match(
    text([replica('a', bob)], true),
    /RULE +DOOR +REPLICA\nevicting .* evict-unready-copy +proxy-longhorn +a\n/,
  )
  t.end()
})

t.test('the table is left out if no request waits, or no replica can be asked', (t) => {
  t.notMatch(text([replica('a')]), 'WAITING')
  t.notMatch(text(undefined), 'WAITING')
  t.equal(look(world).waiting, null)
  t.end()
})

t.test('the document has times of day, and all reported causes', (t) => {
  const time = (ms: number) => new Date(noon + 88_000 + ms).toISOString()
  t.strictSame(look(world, { guard: [replica('a', bob)] }).waiting, [
    {
      change: 'evicting node n2',
      object: { kind: 'Node', name: 'n1' },
      user: 'bob',
      door: 'proxy-longhorn',
      since: time(-61_000),
      until: time(7_500),
      causes: [
        {
          rule: 'evict-unready-copy',
          found: 'backing image debian has no ready copy',
          node: 'n2',
          disk: null,
          diskUUID: null,
          image: 'debian',
          since: null,
          until: null,
          progress: 43,
        },
      ],
      moreCauses: 2,
      nodes: ['n2'],
      replica: 'a',
    },
  ])
  t.end()
})

t.test('a selection of nodes shows the requests that wait there', (t) => {
  const guard = [replica('a', held(), bob)]
  t.match(look(world, { guard, only: new Set(['n2']) }).waiting, [{ user: 'bob' }])
  t.end()
})

t.test('a replica of an older version reports none, and the others are shown', (t) => {
  const older = readGuardReplica({ replica: 'old', version: '0', synced: true, holds: 1 }, noon)
  if (!older.ok) throw new Error(older.problem)
  t.match(look(world, { guard: [older.value, replica('a', held())] }).waiting, [{ replica: 'a' }])
  t.end()
})

t.test('a wait that goes on is no news for who watches', (t) => {
  const [before, after] = [88_000, 89_000].map((ms) =>
    look(world, { guard: [replica('a', held())], now: noon + ms }),
  )
  t.ok(before && after && saysTheSame(before, after))
  t.end()
})
