import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { clear, cleanUp, evict, join, longhornCleansUp, type Wish } from './request.ts'
import { image, node, scenario, type Scenario } from './scenario.ts'
import type { ModelObject } from './store.ts'

/** A clean-up is pending on d1, so an eviction on n1 has to wait. */
const cleaningUp: readonly ModelObject[] = [
  node('n1', [disk('d1'), disk('d2')]),
  node('n2', [disk('d3'), disk('d4')]),
  image('i1', [pending('d1'), ready('d3')]),
  image('i2', [ready('d1'), ready('d2'), ready('d4')]),
]

/** Longer than a clean-up counts, so that a wait ends well, in milliseconds. */
const budgetMs = 25_000

/** An eviction that waits for a clean-up, and what comes meanwhile on its node. */
export function waits(profile: 'A' | 'B', more: Partial<Scenario> = {}): Scenario[] {
  // On profile B only the disk of the clean-up counts.
  const [waited, other] = profile === 'A' ? ['d2', 'd1'] : ['d1', 'd2']
  const waiting = evict('n1', waited)
  const meanwhile: readonly (readonly Wish[])[] = [
    [cleanUp('i2', [waited])],
    [longhornCleansUp('i2', [waited])],
    [evict('n1', other), cleanUp('i2', [waited])],
    [clear('n1'), cleanUp('i2', [waited])],
    [join('n1', 'd9'), cleanUp('i2', [waited])],
  ]
  return meanwhile.map((wishes) => {
    const name = `${[waiting, ...wishes].map(({ what }) => what).join(' + ')}, while d1 is cleaned up (${profile})`
    return scenario(name, profile, cleaningUp, [waiting, ...wishes], { budgetMs, ...more })
  })
}
