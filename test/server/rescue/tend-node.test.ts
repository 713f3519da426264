import t from 'tap'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import type { RescueNews } from '../../../src/rules/rescue/guard-step.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { type GuardWrite, tendNode, type WriteResult } from '../../../src/server/rescue/tend-node.ts'
import { cluster, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'

const up = { evictionRequested: true }
const guard = { guard: { generation: 1 } }
const note = { node: false, disks: ['d1'], at: '', by: 'guard', ...guard }
const noted = { metadata: { annotations: { [rescueAnnotation]: JSON.stringify(note) }, generation: 1 } }
const failed: WriteResult = { outcome: 'failed', why: 'denied', ms: 0 }

/** n1 with a note of the guard's for d1, and ubuntu on d1 and elsewhere. */
function world(): TestCluster {
  return cluster(releases.A)
    .node('n1', [disk('d1'), disk('d3')], noted)
    .node('n2', [disk('d2')])
    .image('ubuntu', [ready('d1'), ready('d2')])
}

/**
 * Tends n1 on a clock that only waits move.
 *
 * @param answer what becomes of each write; undefined ends it
 * @param passing what happens in the cluster, told of the time since the beginning before each wait
 */
async function tend(
  of: TestCluster,
  answer: (step: GuardWrite['step'], ms: number) => WriteResult | undefined,
  passing: (ms: number) => void = () => undefined,
  isReal = true,
) {
  const writes: (readonly [GuardWrite['step'], number])[] = []
  const news: RescueNews['what'][] = []
  const began = noon + defaultPolicy.settleMs
  let now = began
  let isOn = true
  const wait = (ms: number): Promise<void> => {
    now += ms
    passing(now - began)
    if (now - began > 1_800_000) isOn = false
    return Promise.resolve()
  }
  await tendNode('n1', {
    map: of.map,
    circumstances: () => ({
      ...{
        policy: defaultPolicy,
        now,
        timeOfDay: now,
        watchingSince: noon,
        isKnown: () => true,
        mayRaise: true,
      },
    }),
    now: () => now,
    isOn: () => isOn,
    acts: true,
    isReal: () => Promise.resolve(isReal),
    write: (_, { step }) => {
      writes.push([step, now - began])
      const tried = answer(step, now - began)
      if (!tried) isOn = false
      return Promise.resolve(tried ?? failed)
    },
    changed: (until = Infinity) => wait(Math.min(1_000, Math.max(1, until - now))),
    pause: wait,
    onNews: (_, { what }) => news.push(what),
  })
  return { writes, news }
}

t.test('a raise that is denied is tried again ever less often, every five minutes at least', async (t) => {
  const { writes, news } = await tend(world(), () => failed)
  const gaps = writes.slice(1).map(([, at], index) => at - (writes[index]?.[1] ?? 0))
  t.strictSame(gaps.slice(0, 4), [2_000, 4_000, 8_000, 16_000])
  t.ok(
    gaps.every((gap) => gap <= 300_000 + 1_000),
    gaps.join(),
  )
  t.strictSame(news, ['not-raised'], 'told once')
})

t.test('a danger that comes while a raise has to wait is ended at once', async (t) => {
  const of = world()
  const { writes } = await tend(
    of,
    (step) => (step === 'clear' ? undefined : failed),
    (ms) => {
      if (ms < 600_000) return
      of.node('n1', [disk('d1'), disk('d3', up)], noted).image('ubuntu', [pending('d1'), ready('d2')])
    },
  )
  const [step, at] = writes.at(-1) ?? ['raise', 0]
  t.equal(step, 'clear')
  t.ok(at - 600_000 <= 1_000, `${at - 600_000} ms later`)
})

t.test('a clear that fails is tried often, whatever failed before', async (t) => {
  const of = cluster(releases.A)
    .node('n1', [disk('d1', up)])
    .node('n2', [disk('d2')])
    .image('ubuntu', [pending('d1'), ready('d2')])
  const { writes } = await tend(of, (_, ms) => (ms > 60_000 ? undefined : failed))
  const gaps = writes.slice(1).map(([, at], index) => at - (writes[index]?.[1] ?? 0))
  t.strictSame(gaps.slice(0, 3), [500, 1_000, 2_000])
  t.ok(
    gaps.every((gap) => gap <= 6_000),
    gaps.join(),
  )
})

t.test('a danger that only the disk map shows is looked at again, and nothing is written', async (t) => {
  const of = cluster(releases.A)
    .node('n1', [disk('d1', up)])
    .node('n2', [disk('d2')])
    .image('ubuntu', [pending('d1'), ready('d2')])
  const passing = (ms: number): void => {
    if (ms >= 300) of.image('ubuntu', [ready('d2')])
  }
  t.strictSame(await tend(of, () => undefined, passing, false), { writes: [], news: [] })
})
