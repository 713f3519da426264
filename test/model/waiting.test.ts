import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { atRandom, together } from './checked.ts'
import { finds } from './finds.ts'
import { lostAhead } from './sabotage.ts'
import { waits } from './waits.ts'

t.test('the checker finds a crash where what a waiting eviction reserves is lost', async (t) => {
  const [weak] = waits('A', { reviews: 2, jumps: 2, sabotage: lostAhead })
  if (!weak) throw new Error('there is no such scenario')
  await finds(t, weak, { broken: '=> n1 crashes: a clean-up is pending on d2', seed: 22 })
})

for (const profile of ['A', 'B'] as const) {
  t.test(`an eviction that waits, and what comes meanwhile, on profile ${profile}`, async (t) => {
    await together(t, waits(profile, { reviews: 2, jumps: 2 }), depth(3, 5))
    const wild = { reviews: 3, jumps: 6, crash: true, restarts: true, losses: true }
    await atRandom(t, waits(profile, wild), depth(10, 100), 7)
  })
}
