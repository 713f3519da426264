import t, { type Test } from 'tap'
import { isDeepStrictEqual } from 'node:util'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { evicting, none, rescuing, type Rescuing, until } from './rescuing.ts'

const disk2 = { node: false, disks: ['disk-2'] }
const unnoted = { metadata: { annotations: { [rescueAnnotation]: null } } }

/** Such a cluster whose flags the guard has cleared. On v1.8.1 the clean-up on disk-2 leaves disk-1 free. */
async function cleared(t: Test, disks: readonly string[] = ['disk-2'], release = 'v1.8.1') {
  const world = await rescuing(t, { release })
  const replica = await world.add('one')
  await world.register()
  for (const disk of disks) await world.patch('nodes/node-1', evicting(disk))
  await world.endanger()
  await until(async () => isDeepStrictEqual(await world.flags(), none))
  await until(async () => (await world.note()) !== undefined)
  return { ...world, replica, steps: () => stepsIn(replica.log) }
}

/** What the guard has done, in order. */
function stepsIn(log: readonly Readonly<Record<string, unknown>>[]): unknown[] {
  return log.filter(({ msg }) => msg === 'rescue').map(({ step }) => step)
}

/** Longer than the guard takes to raise flags that are safe. */
async function settled({ patch, sandbox }: Pick<Rescuing, 'patch' | 'sandbox'>): Promise<void> {
  const before = sandbox.longhorn.syncCount('node-2')
  await patch('nodes/node-2', { metadata: { annotations: { touched: 'yes' } } })
  await until(() => sandbox.longhorn.syncCount('node-2') >= before + 20)
}

t.test(
  'a flag that a person raises meanwhile is struck off the note, and not raised when they clear it',
  async (t) => {
    const { patch, cleanUp, note, flags, steps, sandbox } = await cleared(t, ['disk-1', 'disk-2'])
    t.match(await note(), { disks: ['disk-1', 'disk-2'] })
    await patch('nodes/node-1', evicting('disk-1'))
    await until(() => steps().includes('struck'))
    t.match(await note(), disk2)
    await patch('nodes/node-1', evicting('disk-1', false))
    await cleanUp()
    await until(async () => isDeepStrictEqual(await flags(), disk2))
    await settled({ patch, sandbox })
    t.strictSame(await flags(), disk2, 'disk-1 stays down')
  },
)

t.test('a person who takes the note away keeps the flags down', async (t) => {
  const { patch, cleanUp, flags, steps, sandbox } = await cleared(t)
  await patch('nodes/node-1', unnoted)
  await cleanUp()
  await settled({ patch, sandbox })
  t.strictSame(await flags(), none)
  t.strictSame(steps(), ['cleared'])
})

t.test('a person who opens the disk for scheduling keeps its flag down', async (t) => {
  const { patch, cleanUp, note, flags, steps, sandbox } = await cleared(t)
  await patch('nodes/node-1', { spec: { disks: { 'disk-2': { allowScheduling: true } } } })
  await until(() => steps().includes('handed-over'))
  t.notOk((await note())?.guard)
  await patch('nodes/node-1', { spec: { disks: { 'disk-2': { allowScheduling: false } } } })
  await cleanUp()
  await settled({ patch, sandbox })
  t.strictSame(await flags(), none)
})

t.test('a node that a person has changed while no guard looked is handed over to people', async (t) => {
  const { add, patch, replica, cleanUp, unregister, register, note, flags, events, sandbox } =
    await cleared(t)
  await replica.stop()
  await unregister()
  await patch('nodes/node-1', evicting('disk-2'))
  await patch('nodes/node-1', evicting('disk-2', false))
  const { log } = await add('two')
  await register()
  await cleanUp()
  await until(() => stepsIn(log).includes('handed-over'))
  t.notOk((await note())?.guard)
  await settled({ patch, sandbox })
  t.strictSame(await flags(), none)
  await until(async () => (await events()).some((event) => event.startsWith('FlagsStayDown')))
  t.match(
    (await events()).find((event) => event.startsWith('FlagsStayDown')),
    /The flag of disk-2 stays down and noted: somebody has changed the node since.*To raise it again: holdfast rescue node-1\. To forget it: holdfast rescue node-1 --leave-cleared/,
  )
})

t.test('one change of the node that no guard saw is no reason to hand over', async (t) => {
  const { add, patch, replica, cleanUp, register, unregister, flags } = await cleared(t)
  await replica.stop()
  await unregister()
  await patch('nodes/node-1', { spec: { tags: ['fast'] } })
  await add('two')
  await register()
  await cleanUp()
  await until(async () => isDeepStrictEqual(await flags(), disk2))
})

t.test('the note of a person’s command is left to that command', async (t) => {
  const { add, register, patch, note, flags, sandbox } = await rescuing(t)
  const own = JSON.stringify({ ...disk2, at: '2026-11-30T12:00:00Z', by: 'ann' })
  await patch('nodes/node-1', { metadata: { annotations: { [rescueAnnotation]: own } } })
  const { log } = await add('one')
  await register()
  await settled({ patch, sandbox })
  t.strictSame(await flags(), none)
  t.match(await note(), { by: 'ann' })
  t.strictSame(stepsIn(log), [])
})

t.test('a second danger on the node takes the other flag down too, and both go up', async (t) => {
  const { patch, cleanUp, register, unregister, note, flags, steps } = await cleared(t, ['disk-2'], 'v1.8.0')
  // No guard would let it up while the clean-up is pending.
  await unregister()
  await patch('nodes/node-1', evicting('disk-1'))
  await until(() => steps().length === 2)
  t.strictSame(await flags(), none)
  t.match(await note(), { disks: ['disk-1', 'disk-2'], guard: { generation: Number } })
  await register()
  await cleanUp()
  await until(async () => isDeepStrictEqual(await flags(), { node: false, disks: ['disk-1', 'disk-2'] }))
  t.equal(await note(), undefined)
  await until(() => steps().includes('raised'))
  t.strictSame(steps(), ['cleared', 'cleared', 'raised'])
})
