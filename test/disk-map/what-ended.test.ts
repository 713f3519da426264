import t from 'tap'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import type { Ended } from '../../src/disk-map/disk-map-view.ts'
import { noon, parsed } from '../fixtures/cluster.ts'
import {
  copy,
  disk,
  pending,
  planned,
  rawImage,
  rawNode,
  rawSource,
  ready,
  uuid,
  type RawCopy,
  type RawDisk,
} from '../fixtures/raw-objects.ts'

const flagged = { evictionRequested: true }

const node = (disks: readonly RawDisk[], metadata: object = {}, options: object = {}) =>
  parsed('Node', rawNode('n', disks, { ...options, metadata: { ...metadata } }))
const image = (copies: readonly RawCopy[], metadata: object = {}) =>
  parsed('BackingImage', rawImage('i', copies, { metadata: { ...metadata } }))
const source = (on: string, transferred: boolean, metadata: object = {}) => {
  const raw = rawSource('i', on, transferred)
  return parsed('BackingImageDataSource', { ...raw, metadata: { ...raw.metadata, ...metadata } })
}

type Version = ReturnType<typeof node> | ReturnType<typeof image> | ReturnType<typeof source>

/** A map that has seen these versions, one each second from noon on. */
function mapAfter(...versions: readonly Version[]): DiskMap {
  const map = new DiskMap()
  versions.forEach((version, at) => map.apply(version, noon + at * 1_000))
  return map
}

/** The ended changes, as `clean-up d1 +1s`. */
function over({ history }: DiskMap): string[] {
  const where = (ended: Ended) => ended.diskUUID.replace(uuid(''), '')
  const more = (ended: Ended) => (ended.what === 'eviction' && !ended.evicting ? ' (beside)' : '')
  return [...history.ended()]
    .map((ended) => `${ended.what} ${where(ended)}${more(ended)} +${(ended.at - noon) / 1_000}s`)
    .sort()
}

t.test('a clean-up ends when status no longer lists the copy, spec does again, or the image goes', (t) => {
  t.strictSame(over(mapAfter(image([pending('d1')]))), [])
  t.strictSame(over(mapAfter(image([pending('d1')]), image([]))), ['clean-up d1 +1s'])
  t.strictSame(over(mapAfter(image([pending('d1')]), image([ready('d1')]))), ['clean-up d1 +1s'])
  t.strictSame(over(mapAfter(image([pending('d1')]), image([pending('d1', 'unknown')]))), [], 'still pending')
  const gone = mapAfter(image([pending('d1'), ready('d2')]))
  gone.remove('BackingImage', 'i', noon + 5_000)
  t.strictSame(over(gone), ['clean-up d1 +5s'])
  t.end()
})

t.test('a clean-up that came and went between two versions has ended when the second is seen', (t) => {
  t.strictSame(over(mapAfter(image([ready('d1'), ready('d2')]), image([ready('d2')]))), ['clean-up d1 +1s'])
  t.strictSame(
    over(mapAfter(image([planned('d1')]), image([]))),
    ['clean-up d1 +1s'],
    'made meanwhile, perhaps',
  )
  t.strictSame(
    over(mapAfter(image([]), image([ready('d1')]))),
    ['clean-up d1 +1s'],
    'perhaps in status first (o5)',
  )
  t.strictSame(over(mapAfter(image([]), image([planned('d1')]), image([ready('d1')]))), [], 'spec came first')
  t.strictSame(over(mapAfter(image([copy('d1', 'ready')]), image([copy('d1', 'unknown')]))), [])
  t.end()
})

t.test('an eviction ends on each disk that it concerned, when its flags go down', (t) => {
  const up = node([disk('d1', flagged), disk('d2')])
  t.strictSame(over(mapAfter(up, node([disk('d1'), disk('d2')]))), [
    'eviction d1 +1s',
    'eviction d2 (beside) +1s',
  ])
  const whole = node([disk('d1'), disk('d2')], {}, flagged)
  t.strictSame(over(mapAfter(whole, node([disk('d1'), disk('d2')]))), ['eviction d1 +1s', 'eviction d2 +1s'])
  const both = node([disk('d1', flagged), disk('d2', flagged)])
  t.strictSame(over(mapAfter(both, up)), ['eviction d2 +1s'], 'the node stays flagged')
  t.strictSame(over(mapAfter(node([disk('d1')]), up)), [], 'it begins')
  t.end()
})

t.test('an eviction ends with the disk, with its UUID, and with the node', (t) => {
  const up = node([disk('d1', flagged), disk('d2')])
  t.strictSame(over(mapAfter(up, node([disk('d2')], {}, flagged))), ['eviction d1 +1s'])
  t.strictSame(
    over(mapAfter(up, node([disk('d1', { ...flagged, diskUUID: 'other' }), disk('d2')]))),
    ['eviction d1 +1s', 'eviction other +1s'].filter((each) => !each.includes('other')),
  )
  const gone = mapAfter(up)
  gone.remove('Node', 'n', noon + 2_000)
  t.strictSame(over(gone), ['eviction d1 +2s', 'eviction d2 (beside) +2s'])
  t.strictSame(gone.history.unseen('Node'), undefined, 'the watch has sent everything before')
  t.end()
})

t.test('a disk whose UUID is found while its flag is cleared may have been evicted', (t) => {
  const unsynced = node([disk('d1', { ...flagged, synced: false })])
  t.strictSame(over(mapAfter(unsynced, node([disk('d1')]))), ['eviction d1 +1s'])
  const left = mapAfter(unsynced, node([]))
  t.strictSame(over(left), [])
  t.match(
    left.history.unseen('Node'),
    { name: 'n', what: { why: 'no UUID', disks: ['d1'] }, at: noon + 1_000 },
    'the disk is unknown',
  )
  t.end()
})

t.test('the map notes an unseen change if a flag is cleared beside a disk without a UUID', (t) => {
  const unsynced = (options: Partial<RawDisk> = {}) => disk('d9', { synced: false, ...options })
  const unseen = (...nodes: Parameters<typeof node>[]) =>
    mapAfter(...nodes.map((each) => node(...each))).history.unseen('Node')
  const cleared = { name: 'n', what: { why: 'no UUID', disks: ['d9'] }, at: noon + 1_000 }
  t.match(unseen([[unsynced(flagged)]], [[unsynced()]]), cleared, 'its own flag')
  t.match(unseen([[unsynced()], {}, flagged], [[unsynced()]]), cleared, 'that of the node')
  t.match(unseen([[unsynced(), disk('d1', flagged)]], [[unsynced(), disk('d1')]]), cleared, 'beside it')
  t.match(unseen([[unsynced(), disk('d1', flagged)]], [[disk('d1', flagged)]]), cleared, 'it leaves')
  const other = disk('d1', flagged)
  t.match(unseen([[unsynced(flagged), other]], [[unsynced(), other]]), cleared, 'another flag stays')
  t.equal(unseen([[unsynced(flagged)]], [[unsynced(flagged)]]), undefined, 'the flag stays')
  const gap = unseen([[unsynced(flagged)], { generation: 1 }], [[unsynced()], { generation: 3 }])
  t.match(gap, { what: { why: 'missed' } }, 'there may have been more')
  t.equal(unseen([[unsynced(), other]], [[unsynced(flagged), other]]), undefined, 'its flag goes up')
  t.end()
})

t.test('a first file ends when it is transferred, made elsewhere, or given up', (t) => {
  t.strictSame(over(mapAfter(source('d1', false), source('d1', true))), ['first file d1 +1s'])
  t.strictSame(over(mapAfter(source('d1', false), source('d2', false))), ['first file d1 +1s'])
  t.strictSame(over(mapAfter(source('d1', true), source('d1', true))), [])
  const gone = mapAfter(source('d1', false))
  gone.remove('BackingImageDataSource', 'i', noon + 1_000)
  t.strictSame(over(gone), ['first file d1 +1s'])
  t.end()
})

t.test('the generation shows whether the map has missed a change of spec', (t) => {
  const kinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const
  const made = {
    Node: (metadata: object) => node([disk('d1')], metadata),
    BackingImage: (metadata: object) => image([ready('d1')], metadata),
    BackingImageDataSource: (metadata: object) => source('d1', true, metadata),
  }
  for (const kind of kinds) {
    const unseen = (...metadata: readonly object[]) =>
      mapAfter(...metadata.map((each) => made[kind](each))).history.unseen(kind)
    const missed = (seconds: number) => ({ kind, what: { why: 'missed' }, at: noon + seconds * 1_000 })
    t.equal(unseen({}), undefined, 'no generation is the first')
    t.equal(unseen({ generation: 1 }, { generation: 2 }, { generation: 2 }), undefined)
    t.match(unseen({ generation: 2 }), missed(0), 'unknown before')
    t.match(unseen({ generation: 1 }, { generation: 3 }), missed(1), 'one was not seen')
    t.match(unseen({ generation: 5 }, { generation: 4 }), missed(1), 'another history')
    t.match(unseen({}, { uid: 'another' }), missed(1), 'deleted and made anew')
  }
  t.end()
})

t.test('the state of a previous object of the same name ends when another replaces it', (t) => {
  t.strictSame(over(mapAfter(image([pending('d1')]), image([pending('d1')], { uid: 'new' }))), [
    'clean-up d1 +1s',
  ])
  const up = node([disk('d1', flagged)])
  t.strictSame(over(mapAfter(up, node([disk('d1', flagged)], { uid: 'new' }))), ['eviction d1 +1s'])
  t.end()
})

t.test('an object that only a list lacks may have changed before its deletion', (t) => {
  const map = mapAfter(image([ready('d1')]))
  map.remove('BackingImage', 'i', noon + 1_000, true)
  t.match(map.history.unseen('BackingImage'), { name: 'i', at: noon + 1_000 })
  t.end()
})

t.test('an adopted object ends nothing', (t) => {
  const map = mapAfter(node([disk('d1', flagged)]), image([pending('d1')]))
  map.adopt(node([disk('d1')], { generation: 9 }), noon)
  map.adopt(image([], { generation: 9 }), noon)
  t.strictSame(over(map), [])
  t.equal(map.history.unseen('Node'), undefined)
  t.equal(map.history.unseen('BackingImage'), undefined)
  t.end()
})
