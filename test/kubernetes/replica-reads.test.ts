import t from 'tap'
import {
  isImageLabel,
  ReplicaReads,
  selectorsOfReplicas,
  unlabelled,
} from '../../src/kubernetes/replica-reads.ts'
import { parseReplica, type Replica } from '../../src/longhorn/replica.ts'

const { signal } = new AbortController()

function replica(name: string, backingImage: string): Replica {
  const parsed = parseReplica({ metadata: { name }, spec: { nodeID: 'n1', diskID: 'd1', backingImage } })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** Reads of a cluster with these replicas, and the selectors that were asked for. */
function reading(labelled: readonly Replica[], byHand: readonly Replica[] = []) {
  const asked: string[] = []
  const reads = new ReplicaReads((selector) => {
    asked.push(selector)
    return Promise.resolve(selector === unlabelled ? byHand : labelled)
  })
  return { reads, asked }
}

const names = (replicas: readonly Replica[]) => replicas.map(({ metadata }) => metadata.name)

t.test(
  'clean-ups that are decided together share two lists, and each gets the replicas of its image',
  async (t) => {
    const { reads, asked } = reading(
      [replica('r1', 'debian'), replica('r2', 'fedora'), replica('r3', 'debian')],
      [replica('r4', 'debian')],
    )
    const found = await Promise.all(
      ['debian', 'fedora', 'ubuntu'].map((image) => reads.get(image, ['d2', image], signal)),
    )
    t.strictSame(found.map(names), [['r1', 'r3', 'r4'], ['r2', 'r4'], ['r4']])
    t.strictSame(asked, [
      unlabelled,
      'longhorn.io/backing-image in (debian,fedora,ubuntu),longhorndiskuuid notin (d2)',
    ])
  },
)

t.test('a caller that asks during a list waits for one that begins later', async (t) => {
  const answers: (() => void)[] = []
  let stored: Replica[] = []
  const reads = new ReplicaReads((selector) => {
    const seen = selector === unlabelled ? [] : [...stored]
    return new Promise((resolve) => answers.push(() => resolve(seen)))
  })
  const underWay = async () => {
    while (answers.length < 2) await new Promise((resolve) => setImmediate(resolve))
  }
  const first = reads.get('debian', [], signal)
  await underWay()
  stored = [replica('new', 'debian')]
  const second = reads.get('debian', [], signal)
  for (const answer of answers.splice(0)) answer()
  t.strictSame(names(await first), [])
  await underWay()
  for (const answer of answers.splice(0)) answer()
  t.strictSame(names(await second), ['new'])
})

t.test('the name of an image that no label can hold is not asked for', async (t) => {
  const long = 'd'.repeat(64)
  const { reads, asked } = reading([], [replica('r1', long)])
  t.strictSame(names(await reads.get(long, [], signal)), ['r1'])
  t.strictSame(asked, [unlabelled])
  for (const name of [long, '', 'a b', 'x)', '-']) t.equal(isImageLabel(name), false, name)
})

t.test('a failed list fails all who share it', async (t) => {
  const reads = new ReplicaReads(() => Promise.reject(new Error('no such server')))
  for (const read of [reads.get('debian', [], signal), reads.get('fedora', [], signal)])
    await t.rejects(read, { message: 'no such server' })
})

t.test('the API server accepts every selector of replicas', (t) => {
  const debian = (elsewhere: string[]) => selectorsOfReplicas([{ image: 'debian', elsewhere }])
  const all = ['longhorn.io/backing-image=debian']
  t.strictSame(debian(['a', 'b-1']), ['longhorn.io/backing-image=debian,longhorndiskuuid notin (a,b-1)'])
  t.strictSame(debian([]), all)
  t.strictSame(debian(['', 'a b', 'x)', '-']), all)
  t.strictSame(debian(Array.from({ length: 65 }, (_, n) => `u${n}`)), all)
  const many = Array.from({ length: 120 }, (_, n) => ({ image: `${n}`.padStart(63, 'i'), elsewhere: ['a'] }))
  const selectors = selectorsOfReplicas(many)
  t.equal(selectors.length, 3)
  t.ok(
    selectors.every((selector) => encodeURIComponent(selector).length < 7_000),
    'each selector fits into a URL',
  )
  t.strictSame(selectorsOfReplicas([]), [])
  t.end()
})
