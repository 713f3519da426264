import t from 'tap'
import { actsOf, isArming, type Act } from '../../src/rules/acts.ts'
import type { BackingImageChange, Change, DataSourceChange, NodeChange } from '../../src/rules/change.ts'
import { parsed, request } from '../fixtures/cluster.ts'
import {
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
  type RawImageOptions,
  type RawNodeOptions,
} from '../fixtures/raw-objects.ts'

const up = { evictionRequested: true }
const going = { metadata: { deletionTimestamp: '2026-01-01T12:00:00Z' } }
/** What Longhorn's uninstaller puts on each object before it deletes it. */
const uninstalling = (kind: string) => ({
  metadata: { annotations: { [`longhorn.io/delete-${kind}-from-longhorn`]: '' } },
})

const node = (disks: readonly RawDisk[], options: RawNodeOptions = {}) =>
  parsed('Node', rawNode('n1', disks, options))
const image = (copies: readonly RawCopy[], options: RawImageOptions = {}) =>
  parsed('BackingImage', rawImage('ubuntu', copies, options))
const source = (diskName: string | undefined, fileTransferred = false) =>
  parsed('BackingImageDataSource', rawSource('ubuntu', diskName, fileTransferred))

/** A change from one object to another; without the first it is a CREATE, without the second a DELETE. */
function step<T>(before: T | undefined, after: T | undefined) {
  if (before && after) return { operation: 'UPDATE', before, after } as const
  if (after) return { operation: 'CREATE', after } as const
  if (before) return { operation: 'DELETE', before } as const
  throw new Error('a change needs an object')
}

const ofNode = (before?: NodeChange['before'], after?: NodeChange['after']): Change => ({
  kind: 'Node',
  request: request(),
  ...step(before, after),
})
const ofImage = (before?: BackingImageChange['before'], after?: BackingImageChange['after']): Change => ({
  kind: 'BackingImage',
  request: request(),
  ...step(before, after),
})
const ofSource = (before?: DataSourceChange['before'], after?: DataSourceChange['after']): Change => ({
  kind: 'BackingImageDataSource',
  request: request(),
  ...step(before, after),
})

/** An act in a few words. */
function told(act: Act): string {
  switch (act.act) {
    case 'eviction': {
      const parts = [
        act.raisesGate ? 'gate' : '',
        act.evicting.length > 0 ? `evicts ${act.evicting.join(' ')}` : '',
        act.joining.length > 0 ? `joins ${act.joining.join(' ')}` : '',
      ]
      return parts.filter((part) => part !== '').join(', ')
    }
    case 'disk-removal':
      return `${act.after ? 'removes' : 'deletes'} ${act.disks.join(' ')}`
    case 'cleanup':
      return `cleans ${[...act.disks].join(' ')}`
    case 'placement':
      return `places on ${act.diskUUID}`
    case 'flags-cleared':
      return 'clears'
  }
}

const d1 = disk('d1')
const d2 = disk('d2')
const d1up = disk('d1', up)
const d2up = disk('d2', up)

type Row = readonly [what: string, change: Change, acts: readonly string[]]

const onNodes: readonly Row[] = [
  ['the node flag goes up', ofNode(node([d1, d2]), node([d1, d2], up)), ['gate, evicts d1 d2']],
  ['the flag of a node without disks goes up', ofNode(node([]), node([], up)), ['gate']],
  ['a disk flag goes up', ofNode(node([d1, d2]), node([d1up, d2])), ['gate, evicts d1']],
  ['a second flag goes up', ofNode(node([d1up, d2]), node([d1up, d2up])), ['evicts d2']],
  ['a disk flag below the node flag', ofNode(node([d1], up), node([d1up], up)), []],
  ['the flag moves from the node to a disk', ofNode(node([d1, d2], up), node([d1up, d2])), []],
  ['the flag moves from a disk to the node', ofNode(node([d1up, d2]), node([d1, d2], up)), ['evicts d2']],
  ['the flag moves from disk to disk', ofNode(node([d1up, d2]), node([d1, d2up])), ['evicts d2']],
  ['one of two flags is cleared', ofNode(node([d1up, d2up]), node([d1up, d2])), []],
  ['the last flag is cleared', ofNode(node([d1up, d2]), node([d1, d2])), ['clears']],
  ['a disk joins', ofNode(node([d1]), node([d1, d2])), []],
  ['a disk joins with a flag', ofNode(node([d1]), node([d1, d2up])), ['gate, evicts d2, joins d2']],
  ['o7: a disk joins a flagged disk', ofNode(node([d1up]), node([d1up, d2])), ['joins d2']],
  ['o7: a disk joins a flagged node', ofNode(node([d1], up), node([d1, d2], up)), ['evicts d2, joins d2']],
  ['a disk goes', ofNode(node([d1, d2]), node([d1])), ['removes d2']],
  ['the flagged disk goes', ofNode(node([d1, d2up]), node([d1])), ['removes d2', 'clears']],
  [
    'a disk goes, another is flagged',
    ofNode(node([d1, d2]), node([d1up])),
    ['gate, evicts d1', 'removes d2'],
  ],
  ['only tags change', ofNode(node([d1up]), node([d1up], { tags: ['ssd'] })), []],
  ['only scheduling changes', ofNode(node([d1]), node([d1], { allowScheduling: false })), []],
  ['nothing changes', ofNode(node([d1up, d2]), node([d1up, d2])), []],
  ['a node is created', ofNode(undefined, node([d1, d2])), []],
  ['a node is created with its flag', ofNode(undefined, node([d1], up)), ['gate, evicts d1, joins d1']],
  [
    'a node is created with a disk flag',
    ofNode(undefined, node([d1up, d2])),
    ['gate, evicts d1, joins d1 d2'],
  ],
  ['a node is deleted', ofNode(node([d1, d2])), ['deletes d1 d2']],
  ['a flagged node is deleted', ofNode(node([d1up])), ['deletes d1']],
  ['a node without disks is deleted', ofNode(node([])), []],
  ['a node on its way out is edited', ofNode(node([d1], going), node([], { ...going, ...up })), []],
  ['a node that is being uninstalled is deleted', ofNode(node([d1], uninstalling('node'))), []],
  [
    'the request itself brings the mark of the uninstaller',
    ofNode(node([d1]), node([d1up], uninstalling('node'))),
    ['gate, evicts d1'],
  ],
]

const onImages: readonly Row[] = [
  ['a copy goes', ofImage(image([ready('d1'), ready('d2')]), image([ready('d1')])), [`cleans ${uuid('d2')}`]],
  ['a planned copy goes', ofImage(image([planned('d1')]), image([])), [`cleans ${uuid('d1')}`]],
  [
    'o9: all copies go',
    ofImage(image([ready('d1'), ready('d2')]), image([])),
    [`cleans ${uuid('d1')} ${uuid('d2')}`],
  ],
  [
    'a copy moves',
    ofImage(image([ready('d1')]), image([pending('d1'), planned('d2')])),
    [`cleans ${uuid('d1')}`],
  ],
  ['a copy is added', ofImage(image([ready('d1')]), image([ready('d1'), planned('d2')])), []],
  [
    'a copy is marked for eviction',
    ofImage(image([ready('d1')]), image([ready('d1', { evicting: true })])),
    [],
  ],
  ['a clean-up goes on', ofImage(image([pending('d1')]), image([])), []],
  [
    'only minNumberOfCopies changes',
    ofImage(image([ready('d1')]), image([ready('d1')], { minNumberOfCopies: 3 })),
    [],
  ],
  ['an image is created', ofImage(undefined, image([planned('d1')])), []],
  ['an image is deleted', ofImage(image([ready('d1')])), []],
  ['an image on its way out is edited', ofImage(image([ready('d1')], going), image([], going)), []],
  [
    'an image that is being uninstalled is edited',
    ofImage(image([ready('d1')], uninstalling('backing-image')), image([])),
    [],
  ],
]

const onSources: readonly Row[] = [
  ['a first file is placed', ofSource(undefined, source('d1')), [`places on ${uuid('d1')}`]],
  ['a first file has no disk yet', ofSource(undefined, source(undefined)), []],
  ['it gets its disk', ofSource(source(undefined), source('d1')), [`places on ${uuid('d1')}`]],
  ['it moves', ofSource(source('d1'), source('d2')), [`places on ${uuid('d2')}`]],
  ['it stays', ofSource(source('d1'), source('d1')), []],
  ['it loses its disk', ofSource(source('d1'), source(undefined)), []],
  ['it is transferred', ofSource(source('d1'), source('d1', true)), []],
  ['it is restored from elsewhere, transferred', ofSource(undefined, source('d1', true)), []],
  ['it is deleted', ofSource(source('d1')), []],
]

for (const [kind, rows] of Object.entries({ Node: onNodes, BackingImage: onImages, Source: onSources })) {
  t.test(`what a change to a ${kind} does, told from the request alone`, (t) => {
    for (const [what, change, acts] of rows) {
      t.strictSame(actsOf(change).map(told), acts, what)
    }
    t.end()
  })
}

t.test('all that does something is arming, except clearing flags', (t) => {
  for (const [what, change, acts] of [...onNodes, ...onImages, ...onSources]) {
    const wanted = acts.some((act) => act !== 'clears')
    t.equal(isArming(change), wanted, `${what}: ${wanted ? 'arming' : 'not arming'}`)
  }
  t.end()
})

t.test('absent means false, and a map that is absent is empty', (t) => {
  const bare = parsed('Node', { metadata: { name: 'n1' } })
  t.strictSame(actsOf(ofNode(bare, bare)), [])
  t.strictSame(actsOf(ofNode(node([], up), bare)).map(told), ['clears'], 'a server-side apply lets go of it')
  const unflagged = parsed('Node', { metadata: { name: 'n1' }, spec: { disks: { d1: {}, d2: null } } })
  t.strictSame(actsOf(ofNode(node([d1up, d2]), unflagged)).map(told), ['clears'])
  const empty = parsed('BackingImage', { metadata: { name: 'ubuntu' }, spec: { diskFileSpecMap: null } })
  t.strictSame(actsOf(ofImage(image([ready('d1')]), empty)).map(told), [`cleans ${uuid('d1')}`])
  t.end()
})
