import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { atRandom, together } from './checked.ts'
import { exceptions } from './exceptions.ts'
import { finds, type Search } from './finds.ts'
import {
  allPatient,
  creationsProven,
  dryRunsForReal,
  removalsUnreserved,
  unreserved,
  type Sabotage,
} from './sabotage.ts'
import { named, type Scenario } from './scenario.ts'

const rough = { reviews: 3, jumps: 4, restarts: true, losses: true, crash: true, budgetMs: 10_000 }

for (const profile of ['A', 'B', 'C'] as const) {
  t.test(`overrides, dry runs and impatient accounts break no promise on profile ${profile}`, async (t) => {
    const quick = profile === 'A' ? 3 : 2
    for (const [, scenarios] of exceptions(profile)) await together(t, scenarios, depth(quick, 4))
    for (const [, scenarios] of exceptions(profile, rough)) await atRandom(t, scenarios, depth(1, 30), 1)
  })
}

/** A weakened part, its scenario, and the search that finds the broken promise. */
type Weak = readonly [what: string, sabotage: Sabotage, name: string, on: Scenario['profile'], search: Search]

const weak: readonly Weak[] = [
  [
    'a deletion by override that reserves nothing',
    removalsUnreserved,
    'a node that works is deleted by override, and a clean-up counts on its copy',
    'C',
    { broken: '=> i1 loses its last usable copy', seed: 86 },
  ],
  [
    'an eviction by override that reserves nothing',
    unreserved(({ kind }) => kind === 'Node'),
    'a clean-up, an eviction by override against it, and a clean-up against that',
    'A',
    { broken: /=> n1 crashes/, seed: 1 },
  ],
  [
    'dry runs that are taken for real',
    dryRunsForReal,
    'dry runs beside what they ask about',
    'A',
    { broken: '=> a dry run has written', seed: 1 },
  ],
  [
    'impatient accounts that are not known as such',
    allPatient,
    'dry runs, impatient accounts and people while a clean-up is pending',
    'A',
    { broken: /holds what must not wait/, seed: 1 },
  ],
  [
    'creations that count as proven',
    creationsProven,
    'a node that is created with a flag while a clean-up is pending on a disk that may be its own',
    'A',
    { broken: /holds what must not wait/, seed: 1 },
  ],
]

for (const [what, sabotage, name, profile, search] of weak) {
  t.test(`the checker finds the broken promise with ${what}`, async (t) => {
    const all = exceptions(profile, { sabotage }).flatMap(([, scenarios]) => scenarios)
    await finds(t, named(all, name), search)
  })
}
