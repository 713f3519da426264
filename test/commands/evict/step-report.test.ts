import t from 'tap'
import type { EvictionStep } from '../../../src/commands/evict/next-step.ts'
import { progressOf, progressText } from '../../../src/commands/evict/progress.ts'
import { StepReport } from '../../../src/commands/evict/step-report.ts'
import { parseBackingImage } from '../../../src/longhorn/backing-image.ts'
import { parseReplica } from '../../../src/longhorn/replica.ts'
import { cluster, releases } from '../../fixtures/cluster.ts'
import { disk, rawImage, ready, uuid } from '../../fixtures/raw-objects.ts'

const target = { node: 'n1', disk: undefined }
const gib = 1_024 ** 3

/** n1 with two replicas of 1 GiB, and an image of 2 GiB that is copied to n2. */
function world(percent = 25, size: number | undefined = 2 * gib) {
  const of = cluster(releases.A)
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2')])
  for (const name of ['r1', 'r2']) {
    const replica = parseReplica({
      metadata: { name },
      spec: { diskID: uuid('d1'), volumeSize: String(gib) },
    })
    if (replica.ok) of.add(replica.value)
  }
  const raw = rawImage('ubuntu', [ready('d1'), ready('d2')])
  const progress = { state: 'in-progress', progress: percent }
  const files = { ...raw.status.diskFileStatusMap, [uuid('d2')]: progress }
  const image = parseBackingImage({ ...raw, status: { diskFileStatusMap: files, size } })
  if (image.ok) of.add(image.value)
  return of
}

const copying: EvictionStep = { step: 'wait-for-copies', images: ['ubuntu'] }
const moving = (...replicas: string[]): EvictionStep => ({ step: 'wait-for-replicas', replicas })

t.test('the progress of a copy is that of the best one elsewhere, as Longhorn reports it', (t) => {
  const text = (percent: number, size?: number) => {
    const found = progressOf(copying, target, world(percent, size).map)
    return found && progressText(found)
  }
  t.equal(text(25), '512 MiB of 2 GiB, 25%')
  t.equal(text(100), '2 GiB of 2 GiB, 100%')
  t.equal(text(25, 0), '25%', 'its size is not known')
  t.end()
})

t.test('the progress of replicas is the bytes that have gone since the command began', (t) => {
  const { map } = world()
  const text = (step: EvictionStep, atMost?: number) => {
    const found = progressOf(step, target, map, atMost)
    return found && progressText(found)
  }
  t.equal(text(moving('r1', 'r2')), '0 B of 2 GiB, 0%')
  t.equal(text(moving('r1'), 2 * gib), '1 GiB of 2 GiB, 50%')
  t.equal(text(moving('unknown')), undefined)
  t.equal(text({ step: 'raise' }), undefined)
  t.end()
})

t.test('elsewhere than on a terminal there is a line for each step, and for each tenth of one', (t) => {
  const lines: string[] = []
  const of = world(0)
  const report = new StepReport(
    of.map,
    () => 0,
    (line) => lines.push(line),
  )
  t.equal(report.see(target, copying), true)
  t.equal(report.see(target, copying), false)
  for (const percent of [4, 25, 26]) {
    for (const image of world(percent).all('BackingImage')) of.add(image)
    report.see(target, copying)
  }
  report.see(target, { step: 'done' })
  t.strictSame(
    lines.map((line) => line.replace(/^.*: ubuntu /, '')),
    [
      '(0 B of 2 GiB, 0%)',
      '(512 MiB of 2 GiB, 25%, for 0s)',
      'node n1: done: no replica and no copy is left',
    ],
  )
  t.end()
})

t.test('on a terminal one block shows each node that is under way, with its age', (t) => {
  const stays: string[] = []
  let rows: readonly string[] = []
  let now = 0
  const report = new StepReport(
    world().map,
    () => now,
    (text) => stays.push(text),
    (next) => (rows = next),
  )
  report.see(target, copying)
  report.see({ node: 'n3', disk: undefined }, moving('r1', 'r2'))
  now = 65_000
  report.refresh()
  t.match(rows, [
    /^node n1: waiting for a ready copy elsewhere of 1 backing image: ubuntu \(512 MiB of 2 GiB, 25%, for 65s\)$/,
    /^node n3: waiting for Longhorn to move 2 replicas away: r1, r2 \(0 B of 2 GiB, 0%, for 65s\)$/,
  ])
  report.see({ node: 'n3', disk: undefined }, moving('r1'))
  t.match(rows[1], /\(1 GiB of 2 GiB, 50%, for 65s\)$/, 'the age is that of the step')
  report.see(target, { step: 'done' })
  t.equal(rows.length, 1)
  t.strictSame(stays, ['node n1: done: no replica and no copy is left'])
  t.end()
})
