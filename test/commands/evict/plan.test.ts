import fc from 'fast-check'
import t from 'tap'
import { type EvictionPlan, planEvictions } from '../../../src/commands/evict/plan.ts'
import { cluster, type TestCluster } from '../../fixtures/cluster.ts'
import { copy, disk, pending, planned, type RawImageOptions, ready } from '../../fixtures/raw-objects.ts'
import { depth } from '../../fixtures/thorough.ts'

const usual = { reopen: false, batchSize: Infinity }
const three = { minNumberOfCopies: 3 }
const two = { minNumberOfCopies: 2 }

/** Nodes n1, n2, … with one disk each: d1, d2, … */
function nodes(count: number): TestCluster {
  const made = cluster('v1.8.0')
  for (let at = 1; at <= count; at += 1) made.node(`n${at}`, [disk(`d${at}`)])
  return made
}

const plan = (of: TestCluster, names: string[], options: Partial<typeof usual> = {}) =>
  planEvictions(names, of.map, { ...usual, ...options })

const batchesOf = (found: EvictionPlan) =>
  found.possible ? found.batches.map((batch) => batch.nodes.join(' ')) : found.problems

t.test('nodes that share no image go together, after both are closed', (t) => {
  const of = nodes(4)
    .image('ubuntu', [ready('d1')])
    .image('debian', [ready('d2')])
  t.strictSame(plan(of, ['n1', 'n2']), {
    possible: true,
    closeFirst: ['n1', 'n2'],
    batches: [{ nodes: ['n1', 'n2'], images: ['debian', 'ubuntu'] }],
  })
  t.strictSame(batchesOf(plan(of, ['n1', 'n2'], { batchSize: 1 })), ['n1', 'n2'])
  t.strictSame(batchesOf(plan(of, ['n2', 'n2'])), ['n2'], 'named twice')
  t.strictSame(batchesOf(plan(of, ['n4'])), ['n4'], 'nothing is on it')
  t.end()
})

t.test('nodes that have the last copies between them go one after the other', (t) => {
  const shared = [ready('d1'), ready('d2')]
  t.strictSame(batchesOf(plan(nodes(4).image('ubuntu', shared, two), ['n1', 'n2'])), ['n1', 'n2'])
  t.strictSame(batchesOf(plan(nodes(3).image('ubuntu', shared), ['n1', 'n2'])), ['n1', 'n2'], 'none is left')
  const more = [...shared, ready('d3')]
  t.strictSame(batchesOf(plan(nodes(4).image('ubuntu', more), ['n1', 'n2'])), ['n1 n2'], 'one is left')
  t.strictSame(batchesOf(plan(nodes(5).image('ubuntu', more, two), ['n1', 'n2'])), ['n1', 'n2'])
  t.end()
})

t.test('without a disk for each copy there is no plan, and the reason is given', (t) => {
  const why = (copies: Parameters<TestCluster['image']>[1], options: RawImageOptions = {}) =>
    plan(nodes(3).image('ubuntu', copies, options), ['n1', 'n2'])
  t.strictSame(why([ready('d1'), ready('d2')], two), {
    possible: false,
    problems: [
      'backing image ubuntu has to keep copies on 2 disks, and besides n1, n2 there is 1 that can hold a copy',
    ],
  })
  t.match(why([ready('d1')], { nodeSelector: ['ssd'] }), { problems: [/on one disk, .* there are 0/] })
  t.match(why([copy('d1', 'unknown'), planned('d3')]), {
    problems: [/^no copy of backing image ubuntu is ready/],
  })
  t.equal(why([copy('d1', 'failed')]).possible, true, 'nothing to lose')
  t.equal(why([pending('d1')]).possible, true, 'it goes anyway')
  const still = nodes(3)
    .image('ubuntu', [ready('d1')])
    .setting('concurrent-backing-image-replenish-per-node-limit', '0')
  t.equal(plan(still, ['n1']).possible, false, 'Longhorn makes no copies')
  const going = nodes(2).node('n2', [disk('d2')], { evictionRequested: true })
  t.equal(
    plan(going.image('ubuntu', [ready('d1'), ready('d2')]), ['n1']).possible,
    false,
    'the other goes too',
  )
  t.end()
})

t.test('a copy on a node that is down, or on a disk that is not ready, is nothing to rely on', (t) => {
  const shared = [ready('d1'), ready('d2')]
  const needed = (of: TestCluster) =>
    plan(of.image('ubuntu', shared, { nodeSelector: ['ssd'] }), ['n1']).possible
  t.equal(needed(nodes(2)), true)
  t.equal(needed(nodes(2).node('n2', [disk('d2')], { notReady: { reason: 'ManagerPodDown' } })), false)
  t.equal(needed(nodes(2).node('n2', [disk('d2', { notReady: { reason: 'NoDiskInfo' } })])), false)
  t.end()
})

t.test('nodes that are opened again make room, and may have got a copy meanwhile', (t) => {
  const of = nodes(3).image('ubuntu', [ready('d1'), ready('d2')], two)
  t.equal(plan(of, ['n1', 'n2', 'n3']).possible, false)
  t.strictSame(plan(of, ['n1', 'n2', 'n3'], { reopen: true }), {
    possible: true,
    closeFirst: [],
    batches: [
      // n3 has no copy, and so none is the last one; but n1's copy needs it.
      { nodes: ['n1'], images: ['ubuntu'] },
      { nodes: ['n2'], images: ['ubuntu'] },
      { nodes: ['n3'], images: ['ubuntu'] },
    ],
  })
  t.equal(
    plan(nodes(3).image('ubuntu', [ready('d1'), ready('d2'), ready('d3')], three), ['n1'], { reopen: true })
      .possible,
    false,
  )
  t.end()
})

interface World {
  readonly nodeCount: number
  readonly images: readonly {
    readonly on: readonly number[]
    readonly min: number
    readonly tagged: boolean
  }[]
  readonly asked: readonly number[]
  readonly reopen: boolean
  readonly batchSize: number
}

const world: fc.Arbitrary<World> = fc.integer({ min: 2, max: 6 }).chain((nodeCount) => {
  const some = (minLength: number) =>
    fc.uniqueArray(fc.integer({ min: 1, max: nodeCount }), { minLength, maxLength: nodeCount })
  return fc.record({
    nodeCount: fc.constant(nodeCount),
    images: fc.array(fc.record({ on: some(1), min: fc.integer({ min: 1, max: 3 }), tagged: fc.boolean() }), {
      maxLength: 4,
    }),
    asked: some(1),
    reopen: fc.boolean(),
    batchSize: fc.constantFrom(1, 2, Infinity),
  })
})

/** Every third node is not tagged. */
const takes = (node: number, { tagged }: World['images'][number]): boolean => !tagged || node % 3 !== 0

function build({ nodeCount, images }: World): TestCluster {
  const made = cluster('v1.10.0')
  for (let at = 1; at <= nodeCount; at += 1)
    made.node(`n${at}`, [disk(`d${at}`)], { tags: at % 3 === 0 ? [] : ['ssd'] })
  for (const [at, { on, min, tagged }] of images.entries()) {
    const options = { minNumberOfCopies: min, ...(tagged && { nodeSelector: ['ssd'] }) }
    made.image(
      `image-${at}`,
      on.map((node) => ready(`d${node}`)),
      options,
    )
  }
  return made
}

function permutations(of: readonly number[]): number[][] {
  if (of.length === 0) return [[]]
  return of.flatMap((first) =>
    permutations(of.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  )
}

t.test(
  'wherever Longhorn puts a copy, no batch has the last ones of an image, and each finds its place',
  (t) => {
    let plans = 0
    fc.assert(
      fc.property(world, fc.infiniteStream(fc.nat()), (of, choices) => {
        const asked = of.asked.map((node) => `n${node}`)
        const found = plan(build(of), asked, of)
        const all = Array.from({ length: of.nodeCount }, (_, at) => at + 1)
        const keepOf = (image: World['images'][number]): number => Math.min(image.min, image.on.length)
        /** Whether it finds places for each image once these are gone, when each has been put where it is worst. */
        const canGo = (node: number, before: readonly number[]): boolean =>
          of.images.every((image) => {
            const moved = image.on.some((home) => before.includes(home))
            const there = image.on.includes(node) || (of.reopen && moved && takes(node, image))
            const open = all.filter((other) => (of.reopen ? other !== node : !of.asked.includes(other)))
            const has = (other: number): boolean => image.on.includes(other) && !before.includes(other)
            return !there || open.filter((other) => has(other) || takes(other, image)).length >= keepOf(image)
          })
        if (!found.possible)
          return !permutations(of.asked).some((order) =>
            order.every((node, at) => canGo(node, order.slice(0, at))),
          )
        plans += 1
        if (
          found.batches
            .flatMap(({ nodes }) => nodes)
            .toSorted()
            .join() !== asked.toSorted().join()
        )
          return false
        return of.images.every((image) => {
          const keep = keepOf(image)
          let on = image.on
          return found.batches.every(({ nodes }) => {
            const batch = nodes.map((name) => Number(name.slice(1)))
            const going = on.filter((node) => batch.includes(node))
            on = on.filter((node) => !batch.includes(node))
            if (going.length > 1 && on.length < keep) return false
            while (on.length < keep) {
              const places = all.filter(
                (node) =>
                  !on.includes(node) &&
                  !batch.includes(node) &&
                  !(of.reopen ? [] : of.asked).includes(node) &&
                  takes(node, image),
              )
              const [choice] = choices.next().value === undefined ? [] : [choices.next().value as number]
              const place = places[(choice ?? 0) % Math.max(1, places.length)]
              if (place === undefined) return false
              on = [...on, place]
            }
            return true
          })
        })
      }),
      { numRuns: depth(400, 2_000) },
    )
    t.ok(plans > depth(40, 200), `${plans} plans`)
    t.end()
  },
)
