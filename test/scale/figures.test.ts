import t from 'tap'
import { Figures } from './figures.ts'
import { contentOf, copiesOf, scaleOptions, small } from './size.ts'

t.test('a table has both clusters side by side, and how many times more the larger takes', (t) => {
  const [one, other] = [new Figures(), new Figures()]
  one.put('memory (MiB)', 80)
  other.put('memory (MiB)', 120)
  t.match(Figures.table(one, other, ['10 disks', '5000 disks']), [
    '| | 10 disks | 5000 disks | ratio |',
    '| --- | --- | --- | --- |',
    '| memory (MiB) | 80 | 120 | 1.50 |',
  ])
  t.end()
})

t.test('of many rounds it shows the median and the slowest of a hundred', (t) => {
  const figures = new Figures()
  figures.putAll([3, 1, 2].map((ms) => ({ what: 'a refusal', shares: [ms], wholes: [10], cpu: [0.5] })))
  t.match(Figures.table(figures, figures, ['a', 'b']).slice(2), [
    /the guard's share, p50 \(ms\) \| 2.00 /,
    /p99 \(ms\) \| 3.00 /,
    /CPU of the guard \(ms\) \| 0.50 /,
    /the whole write, p50 \(ms\) \| 10 /,
  ])
  t.end()
})

t.test('a write about which the guard is not asked has no share', (t) => {
  const figures = new Figures()
  figures.putAll([{ what: 'a change of tags', shares: [], wholes: [5], cpu: [0] }])
  t.match(Figures.table(figures, figures, ['a', 'b']).slice(2), [/whole write.*not asked \| 5.00/])
  t.end()
})

t.test('each cluster has as many copies as it is asked for, and each node an empty disk', (t) => {
  const { large } = scaleOptions(['--churn', '1s'])
  for (const size of [small, large]) {
    const { images = [], replicas = [] } = contentOf(size)
    t.equal(images.length, size.images)
    t.equal(replicas.length, size.replicas)
    for (const { copies } of images) {
      t.equal(new Set(copies).size, size.copies)
      t.notOk(copies.some((disk) => disk.endsWith(`/disk-${size.disks}`)))
    }
  }
  t.end()
})

t.test('no replica uses the first copy of an image, so that it can be cleaned up', (t) => {
  const { replicas = [] } = contentOf(small)
  for (const { disk, image } of replicas)
    t.not(disk, copiesOf(small, Number(image?.slice('image-'.length)))[0])
  t.end()
})
