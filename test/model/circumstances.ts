import { joins } from './joins.ts'
import { cleanUp, evict, type Wish } from './request.ts'
import { scenario, type Scenario } from './scenario.ts'
import { calm, pairs } from './scenarios.ts'
import { waits } from './waits.ts'

/** Scenarios with the same fault, and its name. */
export type Circumstances = readonly [what: string, scenarios: readonly Scenario[]]

/** Requests are retried, and time passes. */
const usual = { reviews: 3, jumps: 6, losses: true, budgetMs: 10_000 }

const throughProxy = { door: 'proxy-longhorn' } as const

/** Conflicting requests where proxies are the only doors, and write on any current version. */
const proxied: readonly (readonly Wish[])[] = [
  [cleanUp('i1', ['d1'], throughProxy), evict('n1', 'd1', throughProxy)],
  [cleanUp('i1', ['d1'], throughProxy), evict('n1', 'd2', throughProxy)],
  [cleanUp('i1', ['d1'], throughProxy), cleanUp('i1', ['d3'], throughProxy)],
  [cleanUp('i1', ['d1'], throughProxy), evict('n1', 'd1', throughProxy), evict('n1', 'd2', throughProxy)],
]

/** Every ordering on a profile, with all faults of doors: restarts, an upgrade, clocks, two namespaces, a paused proxy. */
export function circumstances(profile: 'A' | 'B'): Circumstances[] {
  const all = (more: Partial<Scenario>): Scenario[] =>
    pairs(profile).map((each) => ({ ...each, ...usual, ...more }))
  return [
    ['replicas that restart under their name', all({ restarts: true, crash: true })],
    ['a rolling upgrade', all({ older: true, restarts: true, crash: true })],
    ['disks that join, or are only just known', joins(profile, { ...usual, restarts: true, crash: true })],
    ['evictions that wait', waits(profile, { ...usual, restarts: true, crash: true, budgetMs: 25_000 })],
    ['clocks that step', all({ steps: true })],
    ['doors that were told two namespaces', all({ namespaces: ['holdfast', 'default'] })],
    [
      'proxies that stand still',
      proxied.map((wishes) => {
        const name = `${wishes.map(({ what }) => what).join(' + ')} (${profile})`
        return scenario(name, profile, calm, wishes, { ...usual, crash: true })
      }),
    ],
  ]
}
