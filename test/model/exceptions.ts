import { longhornAccount } from '../fixtures/cluster.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'
import {
  cleanUp,
  createNode,
  deleteNode,
  evict,
  harvester,
  move,
  place,
  removeDisk,
  type Wish,
} from './request.ts'
import { image, node, scenario, type Scenario } from './scenario.ts'
import { calm } from './scenarios.ts'
import type { ModelObject } from './store.ts'

const evicting = { evictionRequested: true, allowScheduling: false }
const lost = { notReady: { reason: 'KubernetesNodeGone' } }
const byLonghorn = { actor: longhornAccount }
const override = { overrides: true }
const dryRun = { dryRun: true }

type Exception = readonly [name: string, objects: readonly ModelObject[], wishes: readonly Wish[]]

const twoNodes: readonly ModelObject[] = [
  node('n1', [disk('d1')]),
  node('n2', [disk('d3')]),
  image('i1', [ready('d1'), ready('d3')]),
]

/** An override is admitted knowingly. The changes beside it are not, and are judged with it known. */
const overrides: readonly Exception[] = [
  [
    'a node that works is deleted by override, and a clean-up counts on its copy',
    twoNodes,
    [deleteNode('n1', override), cleanUp('i1', ['d3'])],
  ],
  [
    'a disk that works is removed by override, and a clean-up counts on its copy',
    twoNodes,
    [removeDisk('n1', 'd1', override), cleanUp('i1', ['d3'], byLonghorn)],
  ],
  [
    'a node that works is deleted by override, and an eviction counts on its copy',
    [...twoNodes.slice(0, 2), image('i1', [ready('d1'), copy('d3', 'unknown')])],
    [deleteNode('n1', override), evict('n2', 'd3')],
  ],
  [
    'a node that works is deleted by override, and the deletion of a lost one counts on its copy',
    [
      node('n1', [disk('d1')]),
      node('n2', [disk('d3')], lost),
      image('i1', [ready('d1'), copy('d3', 'unknown')]),
    ],
    [deleteNode('n1', override), deleteNode('n2', byLonghorn)],
  ],
  [
    'all copies but one are cleaned up by override, and an eviction counts on them',
    [...twoNodes.slice(0, 2), image('i1', [copy('d1', 'unknown'), copy('d3', 'unknown')])],
    [cleanUp('i1', ['d1'], override), evict('n2', 'd3')],
  ],
]

/** The same where a manager can crash. */
const crashingOverrides: readonly Exception[] = [
  [
    'a clean-up, an eviction by override against it, and a clean-up against that',
    calm,
    [cleanUp('i1', ['d1']), evict('n1', 'd1', override), cleanUp('i2', ['d2'])],
  ],
  [
    'an eviction, a clean-up by override against it, and an eviction against that',
    calm,
    [evict('n1', 'd1'), cleanUp('i1', ['d3'], override), evict('n2', 'd3')],
  ],
  [
    'a first file by override on a disk, and its eviction',
    [...calm.slice(0, 2), image('i9', [])],
    [place('i9', 'd1'), evict('n1', 'd1', override), evict('n1', 'd2')],
  ],
  [
    'a disk is removed by override while a copy is cleaned up there, and joins a flagged node',
    [
      node('n1', [disk('d9')]),
      node('n2', [disk('d3', evicting)]),
      node('n3', [disk('d5')]),
      image('i1', [ready('d9'), ready('d5')]),
    ],
    [cleanUp('i1', ['d9']), removeDisk('n1', 'd9', override), move('n2', 'd9')],
  ],
  [
    'a node is deleted by override while a copy is cleaned up there, and created with a flag',
    [node('n1', [disk('d9')]), node('n3', [disk('d5')]), image('i1', [ready('d9'), ready('d5')])],
    [
      cleanUp('i1', ['d9']),
      deleteNode('n1', override),
      createNode(node('n1', [disk('d9', { ...evicting, synced: false })])),
    ],
  ],
]

const draining: readonly ModelObject[] = [
  node('n1', [disk('d1'), disk('d2')]),
  node('n2', [disk('d3')]),
  image('i1', [pending('d1'), ready('d3')]),
]

/** Requests that never wait, beside requests that do. */
const atOnce: readonly Exception[] = [
  [
    'dry runs beside what they ask about',
    [...calm.slice(0, 2), ...calm.slice(2), node('n3', [disk('d5')])],
    [evict('n3', 'd5', dryRun), evict('n1', 'd2'), cleanUp('i1', ['d1'])],
  ],
  [
    'dry runs, impatient accounts and people while a clean-up is pending',
    draining,
    [evict('n2', 'd3', dryRun), evict('n1', 'd2', { actor: harvester }), evict('n1', 'd1')],
  ],
  [
    'an impatient account beside a clean-up of Longhorn',
    calm,
    [evict('n1', 'd1', { actor: harvester }), cleanUp('i1', ['d1'], byLonghorn)],
  ],
  [
    'a node that is created with a flag while a clean-up is pending on a disk that may be its own',
    [node('n1', [disk('d1')]), image('i1', [pending('d9'), ready('d1')])],
    [createNode(node('n3', [disk('d9', { ...evicting, synced: false })])), evict('n1', 'd1')],
  ],
]

/** Requests on a profile that are exceptions to the promises for others. */
export function exceptions(
  profile: Scenario['profile'],
  more: Partial<Scenario> = {},
): (readonly [what: string, scenarios: readonly Scenario[]])[] {
  const on = (all: readonly Exception[], also: Partial<Scenario> = {}): Scenario[] =>
    all.map(([name, objects, wishes]) =>
      scenario(`${name} (${profile})`, profile, objects, wishes, { ...also, ...more }),
    )
  return [
    ['overrides', on(profile === 'C' ? overrides : [...overrides, ...crashingOverrides])],
    ['what is answered at once', on(atOnce, { budgetMs: 5_000 })],
  ]
}
