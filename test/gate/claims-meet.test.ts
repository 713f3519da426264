import fc from 'fast-check'
import t from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { diskUUID, isEvicting, isFlagged, type Node } from '../../src/longhorn/node.ts'

import { cluster, request, type TestCluster } from '../fixtures/cluster.ts'
import { disk, type RawDisk, ready, uuid } from '../fixtures/raw-objects.ts'
import { depth } from '../fixtures/thorough.ts'
import { GateWorld } from './gate-world.ts'

const releases = { A: 'v1.8.0', B: 'v1.8.1' } as const
const nodeNames = ['n1', 'n2'] as const
const names = ['d1', 'd2', 'd3'] as const
const rarely = fc.integer({ min: 0, max: 3 }).map((n) => n === 0)

/** A node at one moment: each disk in spec, in status, in both or in none. */
const anyDisk = (name: string) =>
  fc.record({
    inSpec: fc.boolean(),
    synced: rarely.map((not) => !not),
    evictionRequested: rarely,
    disk: fc.constant(name),
  })
const anyNode = fc.record({
  disks: fc.tuple(...names.map(anyDisk)),
  evictionRequested: rarely,
})
/** A history of each node: the last is what is stored, and a map may be at any. */
const anyHistory = fc.record({
  n1: fc.array(anyNode, { minLength: 1, maxLength: 4 }),
  n2: fc.array(anyNode, { minLength: 1, maxLength: 4 }),
})
interface Moment {
  readonly disks: readonly {
    readonly disk: string
    readonly inSpec: boolean
    readonly synced: boolean
    readonly evictionRequested: boolean
  }[]
  readonly evictionRequested: boolean
}

function put(of: TestCluster, name: string, { disks, evictionRequested }: Moment, version: number): void {
  const all: RawDisk[] = disks.map((each) =>
    disk(each.disk, { synced: each.synced, evictionRequested: each.evictionRequested }),
  )
  of.node(name, all, { evictionRequested, metadata: { resourceVersion: String(version) } })
  const node = of.map.node(name)
  if (!node) throw new Error('it was put there')
  const kept = [...node.spec.disks].filter(([key]) => disks.some((each) => each.disk === key && each.inSpec))
  of.add({ ...node, spec: { ...node.spec, disks: new Map(kept) } })
}

/** A node without the disks that another one has in spec. */
function without(moment: Moment, other: Moment | undefined): Moment {
  const taken = new Set((other?.disks ?? []).filter(({ inSpec }) => inSpec).map((each) => each.disk))
  const disks = moment.disks.map((each) => (taken.has(each.disk) ? { ...each, inSpec: false } : each))
  return { ...moment, disks }
}

function at(release: string, history: { n1: Moment[]; n2: Moment[] }, moments: readonly [number, number]) {
  const of = cluster(release)
  for (const [index, name] of nodeNames.entries()) {
    const version = Math.min(moments[index] ?? 0, history[name].length - 1)
    const moment = history[name][version]
    if (moment) put(of, name, moment, version + 1)
  }
  return of.image('i1', [ready('d1'), ready('d2'), ready('d3'), ready('d4'), ready('d5')])
}

/** Longhorn's progress meanwhile: the UUID of each disk in spec. */
function found(moments: Moment[]): Moment[] {
  const last = moments.at(-1)
  if (!last) return moments
  const disks = last.disks.map((each) => ({ ...each, synced: each.synced || each.inSpec }))
  return [...moments, { ...last, disks }]
}

/** The crash predicate, once both are committed (longhorn.md §2). */
function crashes(node: Node, gone: string, profile: 'A' | 'B'): boolean {
  return [...node.spec.disks.keys()].some(
    (name) => diskUUID(node, name) === gone && (profile === 'A' ? isFlagged(node) : isEvicting(node, name)),
  )
}

/** The change of a node to what is wanted. A write changes spec alone; disks only come, since taking one away is another matter. */
function toSpec({ map }: TestCluster, { metadata, spec: wanted }: Node) {
  const before = map.node(metadata.name)
  if (!before) throw new Error('it was put there')
  const spec = { ...wanted, disks: new Map([...before.spec.disks, ...wanted.disks]) }
  const after: Node = { ...before, spec }
  return { kind: 'Node', operation: 'UPDATE', before, after, request: request({ uid: 'e' }) } as const
}

for (const profile of ['A', 'B'] as const) {
  t.test(
    `an eviction and a clean-up that crash a node together meet, whatever each has heard of (${profile})`,
    async (t) => {
      const release = releases[profile]
      let [admitted, met] = [0, 0]
      await fc.assert(
        fc.asyncProperty(
          anyHistory,
          anyNode,
          fc.constantFrom(...nodeNames),
          fc.constantFrom(...names),
          fc.tuple(fc.nat(3), fc.nat(3)),
          fc.tuple(fc.nat(3), fc.nat(3)),
          fc.boolean(),
          fc.boolean(),
          async (drawn, next, name, cleaned, seenByOne, seenByOther, evictionFirst, syncsBetween) => {
            // No two nodes have one disk as they are stored, whatever they had before.
            const n2 = drawn.n2.map((each, at) =>
              at < drawn.n2.length - 1 ? each : without(each, drawn.n1.at(-1)),
            )
            const history = { n1: drawn.n1, n2 }
            const elsewhere = history[name === 'n1' ? 'n2' : 'n1'].at(-1)
            // A node that was written since it was reviewed is reviewed again.
            const later =
              syncsBetween && !evictionFirst ? { n1: found(history.n1), n2: found(history.n2) } : history
            const book = new InProcessBook()
            const one = new GateWorld(at(release, history, seenByOne), {
              book,
              truth: at(release, history, [9, 9]),
            })
            const other = new GateWorld(at(release, later, seenByOther), {
              book,
              truth: at(release, later, [9, 9]),
              replica: 'two',
            })
            const after = cluster(release)
            put(after, name, without(next, elsewhere), 9)
            const wanted = after.map.node(name)
            if (!wanted) throw new Error('it was put there')
            const eviction = toSpec(other.truth, wanted)
            const cleanup = one.truth.cleanUp('i1', [cleaned])
            const [first, second] = evictionFirst ? [eviction, cleanup] : [cleanup, eviction]
            if ((await one.decide(first)).verdict.decision !== 'allow') return true
            const isSafe = !crashes(eviction.after, uuid(cleaned), profile)
            const allowed = (await other.decide(second)).verdict.decision === 'allow'
            if (allowed) admitted += 1
            else met += 1
            return isSafe || !allowed
          },
        ),
        { numRuns: depth(400, 1_500), seed: 20_261_129 },
      )
      t.comment(`${met} met, ${admitted} pairs admitted`)
      t.ok(met > 20)
      t.ok(admitted > 20)
    },
  )
}
