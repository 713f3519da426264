import t from 'tap'
import type { Change } from '../../src/rules/change.ts'
import { cluster } from '../fixtures/cluster.ts'
import { turns } from '../fixtures/eventually.ts'
import { disk, pending, type RawNodeOptions, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

/** A node on which a clean-up is pending. */
const dangerous = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2')], { evictionRequested: true })
    .image('ubuntu', [pending('d1'), ready('d2')])

const evicting: RawNodeOptions = { evictionRequested: true }
const raise = () => dangerous().toNode('n1', [disk('d1')], evicting)
const overridden = () =>
  dangerous().toNode('n1', [disk('d1')], {
    ...evicting,
    metadata: { annotations: { 'holdfast.dev/override': 'fire' } },
  })
/** The last flag of n2, where no copy is marked. */
const clear = () => dangerous().toNode('n2', [disk('d2')])

const never = new Promise<void>(() => undefined)

t.test('a denial leaves once it is recorded', async (t) => {
  const world = new GateWorld(dangerous())
  let recorded: () => void = () => undefined
  world.recording = new Promise<void>((resolve) => void (recorded = resolve))
  let answered = false
  const deciding = world.decide(raise()).then(() => (answered = true))
  while (world.record.length === 0) await turns(1)
  await turns(3)
  t.equal(answered, false)
  recorded()
  await deciding
})

t.test('an allowed change waits for no record, and neither do a clear and an override', async (t) => {
  const world = new GateWorld(dangerous())
  world.recording = never
  t.equal((await world.decide(clear())).verdict.decision, 'allow')
  t.match((await world.decide(overridden())).verdict, { decision: 'allow', override: { reason: 'fire' } })
  t.equal(world.record.length, 2)
})

t.test(
  'a record may take as long as its request can wait, and a hold that used all of it a little longer',
  async (t) => {
    const world = new GateWorld(dangerous())
    await world.decide(raise(), 0)
    t.equal(world.record[0]?.withinMs, 150)
    const held = world.decide(raise(), 5_000)
    await turns()
    world.clock.advance(5_000)
    t.equal((await held).verdict.decision, 'hold')
    t.equal(world.record[1]?.withinMs, 150)
    const wrong = world.cluster.cleanUp('ubuntu', ['d2'])
    t.equal((await world.decide(wrong, 5_000)).verdict.decision, 'refuse')
    t.equal(world.record[2]?.withinMs, 5_150)
  },
)

t.test('a listener gets the decisions that it asks for', async (t) => {
  const world = new GateWorld(dangerous())
  const scopes: string[] = []
  for (const scope of ['everything', 'what-matters', 'what-is-on-record'] as const)
    world.listeners.push({ scope, decided: () => void scopes.push(scope) })
  const of = async (change: Change) => {
    scopes.length = 0
    await world.decide(change)
    return [...scopes]
  }
  t.strictSame(await of(dangerous().toNode('n1', [disk('d1')])), ['everything'], 'a write of no concern')
  t.strictSame(await of(clear()), ['everything', 'what-matters'], 'a clear, of which there is nothing to say')
  const all = ['everything', 'what-matters', 'what-is-on-record']
  t.strictSame(await of(raise()), all, 'what is held')
  t.strictSame(await of(overridden()), all, 'an override')
  t.equal(world.record.length, 4, 'a listener without a scope gets everything')
})
