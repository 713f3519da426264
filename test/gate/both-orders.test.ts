import fc from 'fast-check'
import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { actsOf, type Change } from '../../src/rules/change.ts'
import type { RuleName } from '../../src/rules/finding.ts'
import { defaultPolicy, type Mode, type Policy, withModes } from '../../src/rules/policy.ts'
import { cluster, longhornAccount, releases, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, type RawNotReady } from '../fixtures/raw-objects.ts'
import { depth } from '../fixtures/thorough.ts'
import { GateWorld } from './gate-world.ts'

/** The rules that two changes together can break. */
const rules = [
  'eviction-during-cleanup',
  'cleanup-during-eviction',
  'first-file-during-eviction',
  'first-file-unfinished',
  'last-usable-copy',
  'evict-unready-copy',
  'disk-removal-with-copies',
] as const satisfies readonly RuleName[]

const gone: RawNotReady = { reason: 'KubernetesNodeGone' }
const emptied = { evictionRequested: true, allowScheduling: false }
/** Longhorn's, whom `below-min-copies` only warns. */
const by = { actor: longhornAccount }

interface Setting {
  readonly profile: 'A' | 'B' | 'C'
  /** For the copies on d1 and d2. */
  readonly states: readonly [string, string]
  readonly isGone: boolean
}

/** n1 with d1, which Kubernetes may have let go of or which is deleted, and n2 with d2; each has a copy. */
function worldOf({ profile, states, isGone }: Setting, isDeleted = false): TestCluster {
  const [first, second] = states
  const others = cluster(releases[profile])
    .node('n2', [disk('d2')])
    .image('golden', [copy('d1', first), copy('d2', second)])
    .image('fresh', [])
  return isDeleted ? others : others.node('n1', [disk('d1')], isGone ? { notReady: gone } : {})
}

type Act = (of: TestCluster, setting: Setting) => Change

const allActs = {
  'evict n1': (of: TestCluster, { isGone }: Setting) =>
    of.toNode('n1', [disk('d1', emptied)], isGone ? { notReady: gone } : {}, by),
  'evict n2': (of: TestCluster) => of.toNode('n2', [disk('d2', emptied)], {}, by),
  'delete n1': (of: TestCluster) => of.deleteNode('n1', by),
  'clean up d1': (of: TestCluster) => of.cleanUp('golden', ['d1'], by),
  'clean up d2': (of: TestCluster) => of.cleanUp('golden', ['d2'], by),
  'place on d1': (of: TestCluster) => of.place('fresh', 'd1', by),
} satisfies Record<string, Act>

type ActName = keyof typeof allActs

const acts: Readonly<Record<ActName, Act>> = allActs

const names = Object.keys(acts).filter((name): name is ActName => name in acts)

/** The cluster once a change is committed. */
function after(change: Change, setting: Setting): TestCluster {
  return change.after ? worldOf(setting).add(change.after) : worldOf(setting, true)
}

/** On profile C nothing crashes, so nothing is reserved for these: what they hold may come a moment too soon. */
const crashRules = new Set<string>(rules.slice(0, 4))

const policyOf = (modes: readonly Mode[]): Pick<Policy, 'modes' | 'settleMs'> => ({
  modes: {
    ...defaultPolicy.modes,
    ...Object.fromEntries(rules.map((rule, at) => [rule, modes[at] ?? 'enforce'])),
  },
  // Ended changes do not matter here.
  settleMs: 0,
})

const isSameObject = (one: Change, other: Change) =>
  one.kind === other.kind &&
  (one.before ?? one.after).metadata.name === (other.before ?? other.after).metadata.name

type Outcome = 'first is stopped' | 'admitted' | 'stopped'

/** The result of the second while the first may still be committed, at another replica. */
async function inFlight(one: ActName, two: ActName, setting: Setting, policy: Partial<Policy>) {
  const book = new InProcessBook()
  const first = new GateWorld(worldOf(setting), { book, policy })
  const second = new GateWorld(worldOf(setting), { book, policy, replica: 'two' })
  const begun = await first.decide(acts[one](first.cluster, setting))
  if (begun.verdict.decision !== 'allow') return { outcome: 'first is stopped' as Outcome, rules: [] }
  const { verdict } = await second.decide(acts[two](second.cluster, setting))
  const stopping = verdict.decision === 'hold' || verdict.decision === 'refuse' ? verdict.objections : []
  const outcome: Outcome = verdict.decision === 'allow' ? 'admitted' : 'stopped'
  return { outcome, rules: stopping.map(({ rule }) => rule) }
}

/** Its result once the first is committed. */
async function afterwards(one: ActName, two: ActName, setting: Setting, policy: Partial<Policy>) {
  const committed = after(acts[one](worldOf(setting), setting), setting)
  const { verdict } = await new GateWorld(committed, { policy }).decide(acts[two](committed, setting))
  if (verdict.decision !== 'hold' && verdict.decision !== 'refuse') return []
  const stopping = verdict.objections.map(({ rule }) => rule)
  return setting.profile === 'C' ? stopping.filter((rule) => !crashRules.has(rule)) : stopping
}

const anySetting: fc.Arbitrary<Setting> = fc.record({
  profile: fc.constantFrom<Setting['profile']>('A', 'B', 'C'),
  states: fc.tuple(fc.constantFrom('ready', 'unknown', 'failed'), fc.constantFrom('ready', 'unknown')),
  isGone: fc.boolean(),
})
const anyModes = fc.array(fc.constantFrom<Mode>('enforce', 'enforce', 'warn', 'off'), {
  minLength: rules.length,
  maxLength: rules.length,
})
const anyPair = fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names))

t.test('a change that the first one lets pass while it is pending passes after its commit too', async (t) => {
  const seen = { admitted: 0, stopped: 0, 'first is stopped': 0 }
  await fc.assert(
    fc.asyncProperty(anySetting, anyModes, anyPair, async (setting, modes, [one, two]) => {
      const policy = policyOf(modes)
      const [first, second] = [acts[one](worldOf(setting), setting), acts[two](worldOf(setting), setting)]
      // The API server commits one of two writes to one object.
      fc.pre(!isSameObject(first, second))
      // A clean-up does not reserve a ready copy on a node that works, since disk-removal-with-copies denies its removal.
      const isKept = setting.isGone || policy.modes['disk-removal-with-copies'] === 'enforce'
      fc.pre(isKept || ![one, two].includes('delete n1'))
      const now = await inFlight(one, two, setting, policy)
      seen[now.outcome] += 1
      if (now.outcome === 'first is stopped') return
      const later = await afterwards(one, two, setting, policy)
      if (now.outcome === 'admitted')
        t.strictSame(later, [], `${one}, then ${two}: ${JSON.stringify([setting, policy.modes])}`)
      for (const rule of now.rules)
        t.equal(
          policy.modes[rule],
          'enforce',
          `${rule} stops ${two} after ${one}: ${JSON.stringify(setting)}`,
        )
    }),
    { numRuns: depth(300, 6_000), seed: 20_261_130 },
  )
  t.comment(JSON.stringify(seen))
  t.ok(seen.admitted > 20)
  t.ok(seen.stopped > 20)
})

t.test('the order of two changes does not matter if all rules are enforced', async (t) => {
  let stopped = 0
  for (const profile of ['A', 'B', 'C'] as const) {
    for (const first of ['ready', 'unknown', 'failed']) {
      for (const second of ['ready', 'unknown']) {
        for (const isGone of [false, true]) {
          const setting: Setting = { profile, states: [first, second], isGone }
          for (const [at, one] of names.entries()) {
            for (const two of names.slice(at + 1)) {
              const changes = [one, two].map((name) => acts[name](worldOf(setting), setting))
              const [a, b] = changes
              if (!a || !b || isSameObject(a, b) || changes.some((each) => actsOf(each).length === 0))
                continue
              const there = await inFlight(one, two, setting, {})
              const back = await inFlight(two, one, setting, {})
              if (there.outcome === 'first is stopped' || back.outcome === 'first is stopped') continue
              if (there.outcome === 'stopped') stopped += 1
              t.equal(there.outcome, back.outcome, `${one} and ${two}: ${JSON.stringify(setting)}`)
            }
          }
        }
      }
    }
  }
  t.ok(stopped > 20, String(stopped))
})

t.test(
  'a clean-up that counts on a copy which is being evicted breaks its own rule, not that of the eviction',
  async (t) => {
    const setting: Setting = { profile: 'C', states: ['ready', 'unknown'], isGone: false }
    const of = (rule: RuleName): Partial<Policy> => ({ modes: { ...defaultPolicy.modes, [rule]: 'off' } })
    const counts = ['evict n2', 'clean up d1'] as const
    t.strictSame(await inFlight(...counts, setting, of('evict-unready-copy')), {
      outcome: 'stopped',
      rules: ['last-usable-copy'],
    })
    t.match(await inFlight(...counts, setting, of('last-usable-copy')), { outcome: 'admitted' })
    const takes = ['clean up d1', 'evict n2'] as const
    t.strictSame(await inFlight(...takes, setting, of('last-usable-copy')), {
      outcome: 'stopped',
      rules: ['evict-unready-copy'],
    })
    t.match(await inFlight(...takes, setting, of('evict-unready-copy')), { outcome: 'admitted' })
    const dead: Setting = { profile: 'C', states: ['unknown', 'ready'], isGone: true }
    const removal = ['clean up d2', 'delete n1'] as const
    t.match(await inFlight(...removal, dead, of('last-usable-copy')), {
      outcome: 'stopped',
      rules: ['disk-removal-with-copies'],
    })
  },
)

t.test('a write that takes one disk away and empties another breaks the rules of both', async (t) => {
  const world = () =>
    cluster(releases.C)
      .node('n1', [disk('d1'), disk('d3')], { notReady: gone })
      .node('n2', [disk('d2')])
      .image('golden', [copy('d1', 'unknown'), copy('d2', 'ready')])
  const meet = async (...off: readonly RuleName[]) => {
    const modes = { ...defaultPolicy.modes, 'last-usable-copy': 'off' } as const
    const policy: Partial<Policy> = {
      modes: withModes(modes, (rule) => (off.includes(rule) ? 'off' : modes[rule])),
    }
    const book = new InProcessBook()
    const first = new GateWorld(world(), { book, policy })
    const second = new GateWorld(world(), { book, policy, replica: 'two' })
    t.equal((await first.decide(first.cluster.cleanUp('golden', ['d2'], by))).verdict.decision, 'allow')
    const both = second.cluster.toNode('n1', [disk('d3', emptied)], { notReady: gone }, by)
    return (await second.decide(both)).verdict.decision
  }
  t.equal(await meet(), 'hold')
  t.equal(await meet('evict-unready-copy'), 'hold')
  t.equal(await meet('disk-removal-with-copies'), 'hold')
  t.equal(await meet('evict-unready-copy', 'disk-removal-with-copies'), 'allow')
})
