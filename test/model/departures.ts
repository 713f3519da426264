import { copy, disk, ready, uuid } from '../fixtures/raw-objects.ts'
import { longhornAccount } from '../fixtures/cluster.ts'
import { comesBack, goes, isDeleted, isMadeAnew, turnsReady, type Happening } from './happenings.ts'
import { cleanUp, createNode, deleteNode, evict, move, place, removeDisk, type Wish } from './request.ts'
import { image, node, scenario, type Scenario } from './scenario.ts'
import type { ModelObject, Store } from './store.ts'

const evicting = { evictionRequested: true, allowScheduling: false }
const lost = { notReady: { reason: 'KubernetesNodeGone' } }
const byLonghorn = { actor: longhornAccount }
const throughProxy = { door: 'proxy-longhorn' } as const

/** Objects that go, return or are recreated: the requests for it, and other events. */
interface Departure {
  readonly name: string
  readonly objects: readonly ModelObject[]
  readonly wishes: readonly Wish[]
  readonly happenings?: readonly Happening[]
}

/** One node is lost, and an image has a copy there and one on a node that works. */
const oneLost: readonly ModelObject[] = [
  node('n1', [disk('d1')], lost),
  node('n2', [disk('d3')]),
  image('i1', [copy('d1', 'unknown'), ready('d3')]),
]
const bothUp: readonly ModelObject[] = [
  node('n1', [disk('d1')]),
  node('n2', [disk('d3')]),
  image('i1', [ready('d1'), ready('d3')]),
]
/** A disk without copies, and a flagged node that it can be moved to. */
const movable: readonly ModelObject[] = [
  node('n1', [disk('d9')]),
  node('n2', [disk('d3', evicting)]),
  node('n3', [disk('d5')]),
  image('i9', [ready('d5')]),
]
/** The same, and the node of the disk is lost with a copy that is worth nothing. */
const movableLost: readonly ModelObject[] = [
  node('n1', [disk('d9')], lost),
  node('n2', [disk('d3', evicting)]),
  node('n3', [disk('d5')]),
  image('i1', [copy('d9', 'failed'), ready('d5')]),
]
/** A node that is created with a flag up, and has found out no disk yet. */
const flagged = (name: string) => node(name, [disk('d9', { ...evicting, synced: false })])
const backAgain = [comesBack('n1'), turnsReady('i1', uuid('d1'))]

/** Disks that are removed, and nodes that are deleted. */
const takenAway: readonly Departure[] = [
  {
    name: 'a node that was just lost is deleted, and a clean-up counts on its copy',
    objects: bothUp,
    wishes: [deleteNode('n1', byLonghorn), cleanUp('i1', ['d3'])],
    happenings: [goes('n1')],
  },
  {
    name: 'a disk of a node that was just lost is removed, and a clean-up counts on its copy',
    objects: bothUp,
    wishes: [removeDisk('n1', 'd1'), cleanUp('i1', ['d3'], byLonghorn)],
    happenings: [goes('n1')],
  },
  {
    name: 'two nodes are lost and deleted, and each counts on the other',
    objects: bothUp,
    wishes: [deleteNode('n1', byLonghorn), deleteNode('n2')],
    happenings: [goes('n1'), goes('n2')],
  },
  {
    name: 'a lost node is deleted, and an eviction counts on its copy',
    objects: [...bothUp.slice(0, 2), image('i1', [ready('d1'), copy('d3', 'unknown')])],
    wishes: [deleteNode('n1', byLonghorn), evict('n2', 'd3')],
    happenings: [goes('n1')],
  },
]

/** The same, where a manager can crash: a disk is moved while something is on its way to it. */
const moved: readonly Departure[] = [
  {
    name: 'a disk moves to a flagged node while a first file is placed on it',
    objects: movable,
    wishes: [place('i9', 'd9'), removeDisk('n1', 'd9'), move('n2', 'd9')],
  },
  {
    name: 'a lost disk moves to a flagged node while a failed copy is cleaned up on it',
    objects: movableLost,
    wishes: [cleanUp('i1', ['d9']), removeDisk('n1', 'd9'), move('n2', 'd9')],
  },
  {
    name: 'a lost node is deleted and created with a flag while a failed copy is cleaned up there',
    objects: movableLost,
    wishes: [cleanUp('i1', ['d9']), deleteNode('n1', byLonghorn), createNode(flagged('n1'))],
  },
]

function isBack(store: Store): boolean {
  return store.find('Node', 'n1')?.status.notReady === undefined
}

/** Lost nodes that return while a write that was admitted because of the loss is on its way. */
const returns: readonly Departure[] = [
  {
    name: 'a node comes back while it is deleted, and a clean-up counts on its copy',
    objects: oneLost,
    wishes: [deleteNode('n1', byLonghorn), cleanUp('i1', ['d3'])],
    happenings: backAgain,
  },
  {
    name: 'the same through proxies, which write on whatever version there is',
    objects: oneLost,
    wishes: [deleteNode('n1', throughProxy), { ...cleanUp('i1', ['d3'], throughProxy), isDue: isBack }],
    happenings: backAgain,
  },
  {
    name: 'a node comes back while its lost copy is cleaned up, and is evicted',
    objects: oneLost,
    wishes: [cleanUp('i1', ['d1']), evict('n1', 'd1')],
    happenings: backAgain,
  },
  {
    name: 'a node comes back while its lost copy is cleaned up, and the other goes',
    objects: oneLost,
    wishes: [cleanUp('i1', ['d1']), cleanUp('i1', ['d3']), deleteNode('n2')],
    happenings: [...backAgain, goes('n2')],
  },
]

const unowned: readonly ModelObject[] = [node('n1', [disk('d1')]), image('i1', [ready('d9'), ready('d1')])]

/** Objects that are created, or deleted and made anew under their name, between review and commit. */
const madeAnew: readonly Departure[] = [
  {
    name: 'a node is created with a flag, and a copy is cleaned up on a disk that is moved there',
    objects: unowned,
    wishes: [createNode(flagged('n3')), cleanUp('i1', ['d9'])],
  },
  {
    name: 'the same where a node of that name was deleted a moment ago',
    objects: [...unowned, node('n3', [])],
    wishes: [createNode(flagged('n3')), cleanUp('i1', ['d9'])],
    happenings: [isDeleted('Node', 'n3')],
  },
  {
    name: 'a node is collected and created with a flag while a copy is cleaned up there',
    objects: [node('n1', [disk('d9')]), node('n2', [disk('d1')]), image('i1', [ready('d9'), ready('d1')])],
    wishes: [createNode(flagged('n1')), cleanUp('i1', ['d9'])],
    happenings: [isDeleted('Node', 'n1')],
  },
  {
    name: 'an image is deleted and made anew while it is cleaned up, and its node is evicted',
    objects: bothUp,
    wishes: [cleanUp('i1', ['d1']), evict('n1', 'd1')],
    happenings: [isDeleted('BackingImage', 'i1'), isMadeAnew(image('i1', [ready('d1'), ready('d3')]))],
  },
]

/** The scenarios of one kind on a profile, with their common name. */
export type Departures = readonly [what: string, scenarios: readonly Scenario[]]

/** The objects that can go, return or be recreated on a profile. Other faults happen only if `more` adds them. */
export function departures(profile: Scenario['profile'], more: Partial<Scenario> = {}): Departures[] {
  const on = (all: readonly Departure[]): Scenario[] =>
    all.map(({ name, objects, wishes, happenings = [] }) =>
      scenario(`${name} (${profile})`, profile, objects, wishes, { happenings, ...more }),
    )
  return [
    ['disks and nodes that are taken away', on(profile === 'C' ? takenAway : [...takenAway, ...moved])],
    ['lost nodes that come back', on(returns)],
    ['objects that are created, or made anew', on(madeAnew)],
  ]
}
