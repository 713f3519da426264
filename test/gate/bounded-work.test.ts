import t from 'tap'
import { actsOf, type Change } from '../../src/rules/change.ts'
import { judgeActs } from '../../src/rules/judge.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, moment, noon, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, pending, type RawDisk, ready, uuid } from '../fixtures/raw-objects.ts'
import { workOf, workOfAll } from '../fixtures/work.ts'
import { GateWorld } from './gate-world.ts'

/** Names of disks: `a0`, `a1`, … */
function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`)
}

function disks(prefix: string, count: number, options: Partial<Omit<RawDisk, 'name'>> = {}): RawDisk[] {
  return names(prefix, count).map((name) => disk(name, options))
}

const flagged = { evictionRequested: true, allowScheduling: false } as const

/** The requests that one object of `n` disks or copies can cause, in a cluster that may have as many. */
type Ask = (n: number, release: string) => { readonly of: TestCluster; readonly changes: readonly Change[] }

/** A node is flagged as it is. */
function evicted(of: TestCluster, all: readonly RawDisk[]): Change {
  return of.toNode('n1', all, flagged)
}

const asks: Readonly<Record<string, Ask>> = {
  'copies on disks that no node has are removed': (n, release) => {
    const of = cluster(release).image('i', [
      ...names('a', n).map((name) => copy(name, 'unknown')),
      ready('r'),
    ])
    return { of, changes: [of.cleanUp('i', names('a', n))] }
  },
  'copies on disks of one node are removed': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n))
      .image(
        'i',
        names('a', n).map((name) => copy(name, 'unknown')),
      )
    return { of, changes: [of.cleanUp('i', names('a', n - 1))] }
  },
  'copies are removed while a node is evicted whose disks are not synced': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('b', n, { synced: false }), flagged)
      .image(
        'i',
        [...names('a', n), 'r'].map((name) => ready(name)),
      )
    return { of, changes: [of.cleanUp('i', names('a', n))] }
  },
  'copies on disks that no node has are removed while as many nodes have a disk that is not synced': (
    n,
    release,
  ) => {
    const of = cluster(release).image('i', [
      ...names('a', n).map((name) => copy(name, 'unknown')),
      ready('r'),
    ])
    for (const node of names('n', n)) of.node(node, [disk(`of-${node}`, { synced: false })])
    return { of, changes: [of.cleanUp('i', names('a', n))] }
  },
  'copies are removed that others reserved before': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n))
      .image(
        'i',
        [...names('a', n), 'r'].map((name) => ready(name)),
      )
      .image(
        'j',
        [...names('a', n), 'r'].map((name) => ready(name)),
      )
    const eviction = of.toNode('n1', [...disks('a', n - 1), disk(`a${n - 1}`, flagged)])
    return { of, changes: [of.cleanUp('i', names('a', n - 1)), of.cleanUp('j', names('a', n - 1)), eviction] }
  },
  'all disks of a node get other names': (n, release) => {
    const of = cluster(release).node('n1', disks('a', n))
    const renamed = names('b', n).map((name, at) => disk(name, { diskUUID: uuid(`a${at}`) }))
    return { of, changes: [of.toNode('n1', renamed)] }
  },
  'a node is deleted with the copies of one image on its disks': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n))
      .image(
        'i',
        names('a', n).map((name) => ready(name)),
      )
    return { of, changes: [of.deleteNode('n1')] }
  },
  'disks with ready copies of one image are evicted': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n))
      .image(
        'i',
        names('a', n).map((name) => ready(name)),
        { minNumberOfCopies: 2 },
      )
    return { of, changes: [evicted(of, disks('a', n))] }
  },
  'disks with half-made copies of one image are evicted': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n))
      .node('n2', disks('r', 1))
      .image(
        'i',
        [...names('a', n), 'r0'].map((name) => copy(name, 'unknown')),
      )
    return { of, changes: [evicted(of, disks('a', n))] }
  },
  'disks that are not synced join while as many clean-ups are pending': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n))
      .image('i', [...names('p', n).map((name) => pending(name)), ready('r')])
    return { of, changes: [evicted(of, [...disks('a', n), ...disks('b', n, { synced: false })])] }
  },
  'disks are evicted whose status names one and the same, with many images': (n, release) => {
    const of = cluster(release).node('n1', disks('a', n, { diskUUID: uuid('x') }))
    for (const image of names('i', n)) of.image(image, [copy('x', 'unknown')])
    return { of, changes: [evicted(of, disks('a', n, { diskUUID: uuid('x') }))] }
  },
  'a lost node is deleted whose status names one disk many times, with many images': (n, release) => {
    const lost = { notReady: { reason: 'KubernetesNodeGone' } }
    const of = cluster(release)
      .node('n1', disks('a', n, { diskUUID: uuid('x') }), lost)
      .node('n2', disks('b', n, { diskUUID: uuid('y') }))
    for (const image of names('i', n)) of.image(image, [copy('x', 'unknown'), ready('y')])
    return { of, changes: [of.deleteNode('n1')] }
  },
  'a lost node is deleted with many disks that have copies of one image': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', n), { notReady: { reason: 'KubernetesNodeGone' } })
      .node('n2', disks('b', n))
      .image('i', [
        ...names('a', n).map((name) => copy(name, 'unknown')),
        ...names('b', n).map((name) => ready(name)),
      ])
    return { of, changes: [of.deleteNode('n1'), of.cleanUp('i', names('a', n))] }
  },
  'a node is deleted while many images are nowhere': (n, release) => {
    const of = cluster(release).node('n1', disks('a', n))
    for (const image of names('i', n)) of.image(image, [copy('gone', 'unknown'), copy('lost', 'unknown')])
    return { of, changes: [of.deleteNode('n1')] }
  },
  'flags are cleared of disks whose status names one and the same, with many images': (n, release) => {
    const of = cluster(release).node('n1', disks('a', n, { diskUUID: uuid('x') }), flagged)
    for (const image of names('i', n)) of.image(image, [copy('x', 'unknown', { evicting: true })])
    return { of, changes: [of.toNode('n1', disks('a', n, { diskUUID: uuid('x') }))] }
  },
  'a node with many tags is evicted, and no disk can take the images that ask for as many': (n, release) => {
    const tags = names('tag', n)
    const options = { nodeSelector: [...tags, 'no such tag'] }
    const of = cluster(release).node('n1', disks('a', 1)).node('n2', disks('b', 1), { tags })
    of.image('i', [ready('a0')], options)
    return { of, changes: [evicted(of, disks('a', 1))] }
  },
  'many images are evicted that no disk of a large node can take': (n, release) => {
    const of = cluster(release)
      .node('n1', disks('a', 1))
      .node('n2', disks('b', n, { diskType: 'block' }))
    for (const image of names('i', n)) of.image(image, [ready('a0')])
    return { of, changes: [evicted(of, disks('a', 1))] }
  },
}

const few = 60
/** Work that grows with the square of the size is a hundred times as much. Sorting and maps grow by a little more than ten. */
const many = 10 * few

for (const release of ['v1.8.0', 'v1.10.0']) {
  for (const [what, ask] of Object.entries(asks)) {
    t.test(`the work of a review grows no faster than its object: ${what} (${release})`, async (t) => {
      const workFor = async (n: number): Promise<number> => {
        const { of, changes } = ask(n, release)
        const world = new GateWorld(of)
        const work = await workOfAll(async () => {
          for (const change of changes) await world.decide(change)
        })
        t.strictSame(world.problems, [])
        await world.gate.stop()
        return work
      }
      const [small, large] = [await workFor(few), await workFor(many)]
      t.ok(large < 20 * small, `${large} steps for ${many}, ${small} for ${few}`)
    })
  }
}

/** A cluster of three nodes with copies of one image, and so many more with images of their own. */
function amid(others: number, release: string): TestCluster {
  const of = cluster(release)
  for (const node of names('n', 3)) of.node(node, [disk(`${node}-d`), disk(`${node}-empty`)])
  of.image(
    'i',
    names('n', 3).map((node) => ready(`${node}-d`)),
  )
  for (const node of names('o', others)) {
    of.node(node, [disk(`${node}-d`)]).image(`of-${node}`, [ready(`${node}-d`)])
    of.source(`of-${node}`, `${node}-d`, true).replica(`r-${node}`, `of-${node}`, `${node}-d`)
  }
  return of
}

/** What is asked in a cluster, which may have much else. */
type About = (of: TestCluster) => Change

const about: Readonly<Record<string, About>> = {
  'an eviction of a disk with a copy': (of) => of.toNode('n0', [disk('n0-d', flagged), disk('n0-empty')]),
  'an eviction of an empty disk': (of) => of.toNode('n0', [disk('n0-d'), disk('n0-empty', flagged)]),
  'a clean-up': (of) => of.cleanUp('i', ['n0-d']),
  'a clean-up of all copies': (of) =>
    of.cleanUp(
      'i',
      names('n', 3).map((node) => `${node}-d`),
    ),
  'the deletion of a node': (of) => of.deleteNode('n0'),
}

for (const release of ['v1.8.0', 'v1.10.0']) {
  for (const [what, ask] of Object.entries(about)) {
    t.test(`the work of a review does not grow with the rest of the cluster: ${what} (${release})`, (t) => {
      const judged = (others: number): number => {
        const of = amid(others, release)
        const change = ask(of)
        const [actor, map] = [change.request.actor, of.map]
        return workOf(() => judgeActs(actsOf(change), actor, { map, policy: defaultPolicy, ...moment(noon) }))
      }
      const [small, large] = [judged(few), judged(many)]
      t.ok(large <= small, `the rules take ${large} steps beside ${many} other nodes, ${small} beside ${few}`)
      t.end()
    })
  }
}
