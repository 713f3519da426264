import t from 'tap'
import type { Verdict } from '../../src/gate/verdict.ts'
import { Denials } from '../../src/observability/denials.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import type { Change } from '../../src/rules/change.ts'
import { cluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { said } from '../fixtures/said.ts'

const minute = 60_000
const world = cluster('v1.8.0')
  .node('n1', [disk('d1')])
  .image('ubuntu', [ready('d1')])
const subject = { node: 'n1', disk: 'd1', diskUUID: 'uuid-d1', image: 'ubuntu' }
const denied: Verdict = {
  decision: 'refuse',
  objections: [
    { rule: 'eviction-during-cleanup', effect: 'hold', subjects: [{ node: 'n9' }], ...said() },
    { rule: 'last-usable-copy', effect: 'refuse', subjects: [subject], ...said() },
  ],
  warnings: [],
}

/** Memory of denials whose clock a test sets, and the change that is denied. */
function memory() {
  let now = 10 * minute
  const denials = new Denials({ monotonic: () => now }, { ...defaultPolicy, impatient: ['kured'] })
  const deny = (change: Change = removal(), verdict = denied) => denials.decided(change, verdict)
  const seen = () => [...denials.inTheLastHour()].map(({ labels, value }) => ({ labels: labels(), value }))
  const lines = () => seen().map(({ labels, value }) => `${labels.user} ${labels.name} ${value}`)
  return { seen, deny, lines, pass: (ms: number) => void (now += ms) }
}

function removal(user = 'ann', dryRun = false): Change {
  return world.cleanUp('ubuntu', ['d1'], { actor: { username: user, groups: [] }, dryRun })
}

t.test('the labels of a denial name its user, its change and its rule', (t) => {
  const { seen, deny } = memory()
  deny()
  t.strictSame(seen(), [
    {
      labels: {
        node: 'n1',
        kind: 'BackingImage',
        name: 'ubuntu',
        user: 'ann',
        door: 'webhook',
        change: 'evicting d1 of n1',
        rule: 'last-usable-copy',
        cause: 'backing image ubuntu on d1 of n1',
      },
      value: 1,
    },
  ])
  t.end()
})

const held: Verdict = {
  decision: 'hold',
  objections: [{ rule: 'cleanup-during-eviction', effect: 'hold', subjects: [subject], ...said() }],
  warnings: [],
}

t.test('an account that must not wait is denied what others wait for, above all Longhorn’s own', (t) => {
  const { seen, deny } = memory()
  const longhorn = 'system:serviceaccount:longhorn-system:longhorn-service-account'
  deny(removal(longhorn), held)
  deny(removal(longhorn), held)
  deny(removal('kured'), held)
  deny(removal('ann'), held)
  t.match(seen(), [
    { labels: { user: 'kured', rule: 'cleanup-during-eviction' }, value: 1 },
    { labels: { user: longhorn, rule: 'cleanup-during-eviction' }, value: 2 },
  ])
  t.equal(seen().length, 2, 'a request that waits is not counted as a denial')
  t.end()
})

t.test('the same denial again is counted, and that of another user has its own series', (t) => {
  const { deny, lines } = memory()
  deny()
  deny(removal('bob'))
  deny()
  t.strictSame(lines(), ['ann ubuntu 2', 'bob ubuntu 1'])
  t.end()
})

t.test('a denial counts for an hour, and then its series goes', (t) => {
  const { deny, lines, pass } = memory()
  deny()
  pass(30 * minute)
  deny()
  t.strictSame(lines(), ['ann ubuntu 2'])
  pass(30 * minute)
  t.strictSame(lines(), ['ann ubuntu 1'])
  pass(30 * minute)
  t.strictSame(lines(), [])
  t.end()
})

t.test('a dry run, a change that waits and one that is allowed are no denials', (t) => {
  const { deny, lines } = memory()
  deny(removal('ann', true))
  deny(removal(), { ...denied, decision: 'hold' })
  deny(removal(), { decision: 'allow', warnings: [] })
  t.strictSame(lines(), [])
  t.end()
})

t.test('the oldest of too many different denials are forgotten', (t) => {
  const { deny, lines } = memory()
  for (let user = 0; user < 1_001; user += 1) deny(removal(`user-${user}`))
  t.equal(lines().length, 1_000)
  t.equal(lines()[0], 'user-1000 ubuntu 1')
  t.notOk(lines().includes('user-0 ubuntu 1'))
  t.end()
})
