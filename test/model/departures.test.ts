import t from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { atRandom, together } from './checked.ts'
import { departures } from './departures.ts'
import { finds, type Search } from './finds.ts'
import {
  cleanUpsUnreserved,
  creationsUnreserved,
  keepsUnreserved,
  removalsUnreserved,
  uidsIgnored,
  uncompared,
  type Sabotage,
} from './sabotage.ts'
import { named, type Scenario } from './scenario.ts'

const rough = { reviews: 3, jumps: 4, restarts: true, losses: true, crash: true, budgetMs: 10_000 }

for (const profile of ['A', 'B', 'C'] as const) {
  t.test(`objects that go, return or are recreated break no promise on profile ${profile}`, async (t) => {
    const quick = profile === 'A' ? 3 : 2
    for (const [, scenarios] of departures(profile)) await together(t, scenarios, depth(quick, 4))
    for (const [, scenarios] of departures(profile, rough)) await atRandom(t, scenarios, depth(1, 30), 1)
  })
}

const crash = (node: string, disk: string): string => `=> ${node} crashes: a clean-up is pending on ${disk}`
const loss = '=> i1 loses its last usable copy'

/** The eviction by a replica that hears of no image. */
const behind =
  /^evict.*by replica 1|^clean.*by replica 2|Longhorn deletes|replica 2 hears of the next (BackingImage|Node)/

/** A weakened part, its scenario, and the search that finds the broken promise. */
type Weak = readonly [what: string, sabotage: Sabotage, name: string, on: Scenario['profile'], search: Search]

const weak: readonly Weak[] = [
  [
    'copies that are counted on without being reserved',
    keepsUnreserved,
    'a node that was just lost is deleted, and a clean-up counts on its copy',
    'C',
    {
      broken: loss,
      seed: 2_131,
      leaves: /clean.*by replica 2|delete.*by replica 1|replica 1 hears|hears of the next (Node|Back)/,
    },
  ],
  [
    'a deletion that reserves nothing, through proxies',
    removalsUnreserved,
    'the same through proxies, which write on whatever version there is',
    'B',
    { broken: loss, seed: 57, leaves: /replica 2|Longhorn deletes|next Back/ },
  ],
  [
    'a removal that reserves nothing',
    removalsUnreserved,
    'a disk moves to a flagged node while a first file is placed on it',
    'A',
    { broken: crash('n2', 'd9'), seed: 277, leaves: /replica 2/ },
  ],
  [
    'clean-ups that reserve nothing',
    cleanUpsUnreserved,
    'a node is collected and created with a flag while a copy is cleaned up there',
    'B',
    { broken: crash('n1', 'd9'), seed: 276 },
  ],
  [
    'creations that reserve nothing',
    creationsUnreserved,
    'a node is created with a flag, and a copy is cleaned up on a disk that is moved there',
    'A',
    { broken: crash('n3', 'd9'), seed: 42 },
  ],
  [
    'uids that are not looked at',
    uidsIgnored,
    'the same where a node of that name was deleted a moment ago',
    'A',
    { broken: crash('n3', 'd9'), seed: 178 },
  ],
  [
    'watch positions that are not compared',
    uncompared,
    'an image is deleted and made anew while it is cleaned up, and its node is evicted',
    'A',
    { broken: crash('n1', 'd1'), seed: 157, leaves: behind },
  ],
]

for (const [what, sabotage, name, profile, search] of weak) {
  t.test(`the checker finds the broken promise with ${what}`, async (t) => {
    const all = departures(profile, { sabotage }).flatMap(([, scenarios]) => scenarios)
    await finds(t, named(all, name), search)
  })
}
