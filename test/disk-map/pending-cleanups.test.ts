import t from 'tap'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { cluster, noon, parsed } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, rawImage, ready, uuid } from '../fixtures/raw-objects.ts'

const image = (...args: Parameters<typeof rawImage>) => parsed('BackingImage', rawImage(...args))

const images = (cleanups: Iterable<{ image: string }>) => [...cleanups].map((cleanup) => cleanup.image)

t.test('a copy is found by image and by disk in every phase', (t) => {
  const { map } = cluster().image('ubuntu', [planned('d1'), copy('d2', 'in-progress'), pending('d3')])
  t.same(
    map.copiesOf('ubuntu').map(({ diskUUID, phase }) => [diskUUID, phase]),
    [
      [uuid('d1'), 'planned'],
      [uuid('d2'), 'present'],
      [uuid('d3'), 'pending cleanup'],
    ],
  )
  for (const name of ['d1', 'd2', 'd3']) {
    const on = [...map.imagesOn(uuid(name))].map(({ metadata }) => metadata.name)
    t.same(on, ['ubuntu'], name)
  }
  t.same(images(map.pendingOn(uuid('d2'))), [])
  t.same(
    [...map.pendingOn(uuid('d3'))],
    [{ image: 'ubuntu', diskUUID: uuid('d3'), state: 'ready', since: noon }],
  )
  t.end()
})

t.test('a newer version of an image leaves nothing of the older', (t) => {
  const { map } = cluster()
    .image('i', [pending('d1'), ready('d2')])
    .image('i', [ready('d3')])
  t.same([...map.imagesOn(uuid('d1')), ...map.imagesOn(uuid('d2')), ...map.pendingOn(uuid('d1'))], [])
  t.equal(map.image('i')?.spec.diskFileSpecMap.size, 1)
  t.equal(map.imageCount, 1)
  t.equal(map.pendingImageCount, 0)
  t.end()
})

t.test('a pending clean-up is as old as its first sight, until it has drained', (t) => {
  const map = new DiskMap()
  const since = () => [...map.pendingOn(uuid('d1'))].map((cleanup) => cleanup.since)
  map.apply(image('i', [pending('d1')]), 1000)
  map.apply(image('i', [pending('d1', 'unknown'), pending('d2')]), 2000)
  t.same(since(), [1000])
  t.same(
    [...map.pendingOn(uuid('d1'))].map(({ state }) => state),
    ['unknown'],
    'the state is the newest',
  )
  t.same(
    [...map.pendingOn(uuid('d2'))].map((cleanup) => cleanup.since),
    [2000],
  )
  map.apply(image('i', [ready('d2')]), 3000)
  t.same(since(), [])
  map.apply(image('i', [pending('d1')]), 4000)
  t.same(since(), [4000], 'drained')
  map.apply(image('i', [ready('d1')]), 5000)
  map.apply(image('i', [pending('d1')]), 6000)
  t.same(since(), [6000], 'wanted again in between')
  map.remove('BackingImage', 'i', noon)
  map.apply(image('i', [pending('d1')]), 7000)
  t.same(since(), [7000], 'deleted in between')
  t.end()
})

t.test('images with a pending clean-up are counted once each', (t) => {
  const c = cluster()
    .image('a', [pending('d1'), pending('d2')])
    .image('b', [pending('d1')])
    .image('c', [ready('d1')])
  t.equal(c.map.imageCount, 3)
  t.equal(c.map.pendingImageCount, 2)
  c.image('a', [pending('d2')])
  t.equal(c.map.pendingImageCount, 2)
  c.image('a', [])
  t.equal(c.map.pendingImageCount, 1)
  c.map.remove('BackingImage', 'b', noon)
  t.equal(c.map.pendingImageCount, 0)
  t.equal(c.map.imageCount, 2)
  t.end()
})

t.test('the clean-ups pending on a node name image, disk and state', (t) => {
  const { map } = cluster()
    .node('n', [disk('d1'), disk('d2'), disk('d3', { synced: false })])
    .image('a', [pending('d2', 'unknown'), ready('d1')])
    .image('b', [pending('d1'), pending('elsewhere'), pending('d3')])
  t.same(
    [...map.pendingOnNode('n')],
    [
      { image: 'b', disk: 'd1', diskUUID: uuid('d1'), state: 'ready', since: noon },
      { image: 'a', disk: 'd2', diskUUID: uuid('d2'), state: 'unknown', since: noon },
    ],
  )
  t.end()
})

t.test('a clean-up on a disk that no node has is seen until a node has it', (t) => {
  const c = cluster()
    .image('a', [pending('d')])
    .image('b', [pending('d')])
  t.same(images(c.map.pendingOnUnownedDisks()), ['a', 'b'])
  c.node('n', [disk('d', { synced: false })])
  t.same(images(c.map.pendingOnUnownedDisks()), ['a', 'b'], 'not known to be its disk yet')
  c.node('n', [disk('d')])
  t.same(images(c.map.pendingOnUnownedDisks()), [])
  c.map.remove('Node', 'n', noon)
  t.same(images(c.map.pendingOnUnownedDisks()), ['a', 'b'])
  t.end()
})

t.test('a clean-up on a disk that no node has is seen until it is over', (t) => {
  const c = cluster()
    .image('a', [pending('d')])
    .image('b', [pending('d')])
    .image('c', [planned('d'), ready('e')])
  c.image('a', [])
  t.same(images(c.map.pendingOnUnownedDisks()), ['b'])
  c.map.remove('BackingImage', 'b', noon)
  t.same(images(c.map.pendingOnUnownedDisks()), [])
  c.image('c', [pending('d')])
  t.same(images(c.map.pendingOnUnownedDisks()), ['c'])
  t.end()
})
