import t from 'tap'
import { actsOf, type Change, isArming, nameOf, passesByMark } from '../../src/rules/change.ts'
import { cluster, parsed, request } from '../fixtures/cluster.ts'
import {
  disk,
  pending,
  planned,
  type RawCopy,
  type RawDisk,
  rawImage,
  type RawImageOptions,
  rawNode,
  type RawNodeOptions,
  rawSource,
  ready,
  uuid,
} from '../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }

interface RawSide {
  readonly disks?: readonly RawDisk[]
  readonly options?: RawNodeOptions
}

function node(before: RawSide | undefined, after: RawSide | undefined): Change {
  const object = ({ disks = [disk('d1'), disk('d2')], options = {} }: RawSide) =>
    parsed('Node', rawNode('n1', disks, options))
  const base = { kind: 'Node', request: request() } as const
  if (before && after) return { ...base, operation: 'UPDATE', before: object(before), after: object(after) }
  if (after) return { ...base, operation: 'CREATE', after: object(after) }
  return { ...base, operation: 'DELETE', before: object(before ?? {}) }
}

function image(
  before: readonly RawCopy[] | undefined,
  after: readonly RawCopy[] | undefined,
  to: RawImageOptions = {},
): Change {
  const object = (copies: readonly RawCopy[], options: RawImageOptions = {}) =>
    parsed('BackingImage', rawImage('ubuntu', copies, options))
  const base = { kind: 'BackingImage', request: request() } as const
  if (before && after)
    return { ...base, operation: 'UPDATE', before: object(before), after: object(after, to) }
  if (after) return { ...base, operation: 'CREATE', after: object(after) }
  return { ...base, operation: 'DELETE', before: object(before ?? []) }
}

type Place = readonly [disk: string | undefined, transferred: boolean]

function source(before: Place | undefined, after: Place | undefined): Change {
  const object = ([on, transferred]: Place) =>
    parsed('BackingImageDataSource', rawSource('ubuntu', on, transferred))
  const base = { kind: 'BackingImageDataSource', request: request() } as const
  if (before && after) return { ...base, operation: 'UPDATE', before: object(before), after: object(after) }
  if (after) return { ...base, operation: 'CREATE', after: object(after) }
  return { ...base, operation: 'DELETE', before: object(before ?? [undefined, false]) }
}

t.test('the acts of each change follow from the request alone', (t) => {
  const d1 = disk('d1')
  const d2 = disk('d2')
  const flagged: RawSide = { options: evicting }
  const leaving = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }
  const marked = (what: string) => ({
    metadata: { annotations: { [`longhorn.io/delete-${what}-from-longhorn`]: '' } },
  })
  const uninstalling = marked('node')
  const table: [what: string, change: Change, acts: string[]][] = [
    ['a node joins', node(undefined, {}), []],
    ['a node joins with its flag up', node(undefined, flagged), ['eviction']],
    ['a node is deleted', node({}, undefined), ['disk-removal']],
    ['a node without disks is deleted', node({ disks: [] }, undefined), []],
    ['the flag of a node goes up', node({}, flagged), ['eviction']],
    [
      'the flag of a node without disks goes up',
      node({ disks: [] }, { ...flagged, disks: [] }),
      ['eviction'],
    ],
    ['the flag of a disk goes up', node({}, { disks: [disk('d1', evicting), d2] }), ['eviction']],
    ['a second flag goes up', node({ disks: [disk('d1', evicting), d2] }, flagged), ['eviction']],
    ['the flag moves from the node to a disk', node(flagged, { disks: [disk('d1', evicting), d2] }), []],
    [
      'one of two flags goes down',
      node({ disks: [disk('d1', evicting), disk('d2', evicting)] }, { disks: [disk('d1', evicting), d2] }),
      [],
    ],
    ['the last flag goes down', node(flagged, {}), ['flags-cleared']],
    ['a flag that is left out is down', node(flagged, { disks: [d1, d2], options: {} }), ['flags-cleared']],
    ['a flagged node is changed otherwise', node(flagged, { options: { ...evicting, tags: ['x'] } }), []],
    ['tags change', node({}, { options: { tags: ['x'] } }), []],
    ['a disk joins', node({ disks: [d1] }, {}), []],
    ['a disk joins a flagged node', node({ ...flagged, disks: [d1] }, flagged), ['eviction']],
    ['a disk is taken away', node({}, { disks: [d1] }), ['disk-removal']],
    [
      'a disk is taken away and another evicted',
      node({}, { disks: [disk('d1', evicting)] }),
      ['eviction', 'disk-removal'],
    ],
    [
      'a disk is taken away and the last flag goes down',
      node(flagged, { disks: [d1] }),
      ['disk-removal', 'flags-cleared'],
    ],
    [
      'anything, on the way out',
      node({ options: leaving }, { disks: [], options: { ...leaving, ...evicting } }),
      [],
    ],
    [
      'o7: a disk joins another disk that is flagged',
      node({ disks: [disk('d1', evicting)] }, { disks: [disk('d1', evicting), d2] }),
      ['eviction'],
    ],
    [
      'a disk joins with its flag up',
      node({ disks: [d1] }, { disks: [d1, disk('d2', evicting)] }),
      ['eviction'],
    ],
    [
      'the flag moves from a disk to the node',
      node({ disks: [disk('d1', evicting), d2] }, flagged),
      ['eviction'],
    ],
    ['the flagged node is deleted', node(flagged, undefined), ['disk-removal']],
    ['the uninstaller deletes what it has marked', node({ options: uninstalling }, undefined), []],
    [
      'a flag goes up on what the uninstaller has marked',
      node({ options: uninstalling }, { options: { ...uninstalling, ...evicting } }),
      ['eviction'],
    ],
    [
      'a disk goes from what the uninstaller has marked',
      node({ options: uninstalling }, { disks: [d1], options: uninstalling }),
      ['disk-removal'],
    ],
    [
      'finalizers, labels and annotations change on what is marked',
      node({ options: uninstalling }, { options: { metadata: { finalizers: [], labels: { x: 'y' } } } }),
      [],
    ],
    [
      'the mark of the uninstaller comes with the flag itself',
      node({}, { options: { ...uninstalling, ...evicting } }),
      ['eviction'],
    ],
    ['an image is made', image(undefined, [ready('d1')]), []],
    ['an image is deleted', image([ready('d1')], undefined), []],
    ['a copy is added', image([ready('d1')], [ready('d1'), ready('d2')]), []],
    ['a copy is removed', image([ready('d1'), ready('d2')], [ready('d2')]), ['cleanup']],
    [
      'a copy is removed from what the uninstaller has marked',
      cluster()
        .image('ubuntu', [ready('d1'), ready('d2')], marked('backing-image'))
        .cleanUp('ubuntu', ['d1']),
      ['cleanup'],
    ],
    ['a copy is moved', image([ready('d1')], [ready('d2')]), ['cleanup']],
    ['o9: all copies are removed', image([ready('d1'), ready('d2')], []), ['cleanup']],
    ['a planned copy is removed', image([planned('d1')], []), ['cleanup']],
    ['a clean-up goes on', image([pending('d1')], [pending('d1', 'unknown')]), []],
    ['a copy is marked for eviction', image([ready('d1')], [ready('d1', { evicting: true })]), []],
    ['only minNumberOfCopies changes', image([ready('d1')], [ready('d1')], { minNumberOfCopies: 3 }), []],
    ['nothing changes', image([ready('d1')], [ready('d1')]), []],
    ['a first file without a disk', source(undefined, [undefined, false]), []],
    ['a first file on a disk', source(undefined, ['d1', false]), ['placement']],
    ['a first file gets its disk', source([undefined, false], ['d1', false]), ['placement']],
    ['a first file moves', source(['d2', false], ['d1', false]), ['placement']],
    ['a first file stays', source(['d1', false], ['d1', false]), []],
    ['a first file is done', source(['d1', false], ['d1', true]), []],
    ['a first file is made anew on its disk', source(['d1', true], ['d1', false]), ['placement']],
    ['a first file comes transferred', source(undefined, ['d1', true]), []],
    ['a first file loses its disk', source(['d1', false], [undefined, false]), []],
    ['a data source is deleted', source(['d1', false], undefined), []],
  ]
  for (const [what, change, acts] of table) {
    t.strictSame(
      actsOf(change).map(({ act }) => act),
      acts,
      what,
    )
    t.equal(
      isArming(change),
      acts.some((act) => act !== 'flags-cleared'),
      `${what}: arming`,
    )
  }
  t.end()
})

t.test('only a deletion that would be judged passes by the mark of the uninstaller', (t) => {
  const metadata = { annotations: { 'longhorn.io/delete-node-from-longhorn': '' } }
  const leaving = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' }
  t.equal(passesByMark(node({ options: { metadata } }, undefined)), 'uninstalling')
  t.equal(passesByMark(node({}, undefined)), undefined, 'no mark')
  t.equal(passesByMark(node({ disks: [], options: { metadata } }, undefined)), undefined, 'no disk')
  t.equal(
    passesByMark(node({ options: { metadata: leaving } }, undefined)),
    undefined,
    'it is deleted already',
  )
  t.equal(passesByMark(node({ options: { metadata } }, { options: evicting })), undefined, 'no deletion')
  t.equal(
    passesByMark(node(undefined, { options: { metadata, ...evicting } })),
    undefined,
    'a node that joins',
  )
  t.end()
})

t.test(
  'the namespace controller and the garbage collector delete whatever they like, and do nothing else',
  (t) => {
    const by = (username: string, change: Change) => ({
      ...change,
      request: request({ actor: { username, groups: [] } }),
    })
    const table = [
      'system:serviceaccount:kube-system:namespace-controller',
      'system:serviceaccount:kube-system:generic-garbage-collector',
      'system:kube-controller-manager',
    ]
    for (const username of table) {
      const deletion = by(username, node({}, undefined))
      t.strictSame(actsOf(deletion), [], username)
      t.equal(passesByMark(deletion), 'collected', username)
      t.equal(
        passesByMark(by(username, node({ disks: [] }, undefined))),
        undefined,
        'nothing would be judged',
      )
      t.equal(isArming(by(username, node({}, { options: evicting }))), true, 'a flag is judged as always')
      t.equal(isArming(by(username, node({}, { disks: [] }))), true, 'so is a disk')
    }
    const stranger = by('system:serviceaccount:default:namespace-controller', node({}, undefined))
    t.equal(isArming(stranger), true)
    t.end()
  },
)

t.test('an eviction says which disks, and whether the node had no flag before', (t) => {
  const [act] = actsOf(
    node({ disks: [disk('d1', evicting)] }, { disks: [disk('d1', evicting), disk('d2', evicting)] }),
  )
  t.match(act, { act: 'eviction', raisesFirstFlag: false, evicting: ['d2'], joining: ['d2'] })
  const [whole] = actsOf(node({}, { options: evicting }))
  t.match(whole, { act: 'eviction', raisesFirstFlag: true, evicting: ['d1', 'd2'], joining: [] })
  t.end()
})

t.test('absent means false, and a map that is absent is empty', (t) => {
  const before = parsed('Node', rawNode('n1', [disk('d1', evicting)], evicting))
  const unflagged = { metadata: { name: 'n1' }, spec: { disks: { d1: null } } }
  const after = parsed('Node', unflagged)
  const base = { operation: 'UPDATE', request: request() } as const
  t.match(actsOf({ kind: 'Node', ...base, before, after }), [{ act: 'flags-cleared' }])
  const full = parsed('BackingImage', rawImage('ubuntu', [ready('d1')]))
  const bare = parsed('BackingImage', { metadata: { name: 'ubuntu' }, spec: { diskFileSpecMap: null } })
  const [act] = actsOf({ kind: 'BackingImage', ...base, before: full, after: bare })
  t.match(act, { act: 'cleanup', disks: new Set([uuid('d1')]) })
  t.end()
})

t.test('a change is called by its object, whichever of the two there is', (t) => {
  t.equal(nameOf(node({}, undefined)), 'n1')
  t.equal(nameOf(cluster().place('fedora', 'd1')), 'fedora')
  t.end()
})
