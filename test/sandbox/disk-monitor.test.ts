import t, { type Test } from 'tap'
import { cleanUp, evict, image, world } from './longhorn/world.ts'

const periodMs = 30_000
/** Of the period: nothing that happens within it is at a look. */
const partMs = 5_000

/** A cluster of 1.8.0 whose managers look at flags and images as rarely as Longhorn's. */
const slow = (t: Test) =>
  world(
    t,
    { release: 'v1.8.0', images: [image('ubuntu', ['node-1/disk-1', 'node-2/disk-1'])] },
    { monitorMs: periodMs, syncMs: periodMs, drainMs: 600_000 },
  )

t.test('a new flag gets to the crashing code with the next look of the disk monitor', async (t) => {
  const w = await slow(t)
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await evict(w, 'node-1/disk-2')
  await w.clock.advanceStepwise(partMs)
  t.equal(w.longhorn.crashCount('node-1'), 0)
  await w.clock.advanceStepwise(periodMs)
  t.ok(w.longhorn.crashCount('node-1') > 0)
})

t.test('a clean-up under a flag that is known is met at the next full sync', async (t) => {
  const w = await slow(t)
  await evict(w, 'node-1/disk-2')
  await w.clock.advanceStepwise(periodMs + partMs)
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await w.clock.advanceStepwise(partMs)
  t.equal(w.longhorn.crashCount('node-1'), 0)
  await w.clock.advanceStepwise(periodMs)
  t.ok(w.longhorn.crashCount('node-1') > 0)
})

t.test('a flag that is cleared before the next look crashes nothing', async (t) => {
  const w = await slow(t)
  await evict(w, 'node-1/disk-2')
  await w.clock.advanceStepwise(periodMs + partMs)
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await w.clock.advanceStepwise(partMs)
  await evict(w, 'node-1/disk-2', false)
  await w.clock.advanceStepwise(2 * periodMs)
  t.strictSame(w.longhorn.crashes, [])
})

t.test('a manager that starts looks at once', async (t) => {
  const w = await slow(t)
  await cleanUp(w, 'ubuntu', 'node-1/disk-1')
  await evict(w, 'node-1/disk-2')
  await w.longhorn.powerOff('node-1')
  await w.longhorn.powerOn('node-1')
  await w.clock.advanceStepwise(partMs)
  t.ok(w.longhorn.crashCount('node-1') > 0)
})
