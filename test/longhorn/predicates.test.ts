import t from 'tap'
import { copiesOf, isReady, pendingCleanups } from '../../src/longhorn/copies.ts'
import { overrideAnnotation } from '../../src/longhorn/metadata.ts'
import { diskUUID, isEvicting, isFlagged } from '../../src/longhorn/node.ts'
import { parsed } from '../fixtures/cluster.ts'
import { copy, disk, pending, planned, rawImage, rawNode, ready, uuid } from '../fixtures/raw-objects.ts'

t.test('an object with a deletion timestamp is terminating', (t) => {
  const terminating = (more: object) =>
    parsed('Node', { metadata: { name: 'n', ...more } }).metadata.terminating
  t.equal(terminating({}), false)
  t.equal(terminating({ deletionTimestamp: null }), false)
  t.equal(terminating({ deletionTimestamp: '2026-01-01T12:00:00Z' }), true)
  t.end()
})

t.test('an object that the uninstaller marked is uninstalling, whatever the mark says', (t) => {
  const uninstalling = (annotations: unknown) =>
    parsed('Node', { metadata: { annotations } }).metadata.uninstalling
  t.equal(uninstalling(undefined), false)
  t.equal(uninstalling(null), false)
  t.equal(uninstalling({ 'longhorn.io/last-applied-tolerations': '' }), false)
  t.equal(uninstalling({ 'example.org/longhorn.io/delete-node-from-longhorn': '' }), false)
  t.equal(uninstalling({ 'longhorn.io/delete-node-from-longhorn': '' }), true)
  t.equal(uninstalling({ 'longhorn.io/delete-backing-image-from-longhorn': 'true' }), true)
  t.end()
})

t.test('the override annotation gives the reason', (t) => {
  const override = (annotations: unknown) => parsed('Node', { metadata: { annotations } }).metadata.override
  t.equal(override({ [overrideAnnotation]: 'node is on fire' }), 'node is on fire')
  t.equal(override({ [overrideAnnotation]: null }), undefined)
  t.equal(override({ other: 'x' }), undefined)
  t.equal(override(undefined), undefined)
  t.end()
})

t.test('a node is flagged by its own flag or by that of any disk', (t) => {
  const flag = { evictionRequested: true }
  const flagged = (node: object) => isFlagged(parsed('Node', node))
  t.equal(flagged(rawNode('n', [disk('d1'), disk('d2')])), false)
  t.equal(flagged(rawNode('n', [disk('d1'), disk('d2', flag)])), true)
  t.equal(flagged(rawNode('n', [], flag)), true)
  t.end()
})

t.test('a disk is evicted by its own flag or by that of its node', (t) => {
  const flag = { evictionRequested: true }
  const byDisk = parsed('Node', rawNode('n', [disk('d1'), disk('d2', flag)]))
  t.same(
    ['d1', 'd2', 'd3'].map((name) => isEvicting(byDisk, name)),
    [false, true, false],
  )
  const byNode = parsed('Node', rawNode('n', [disk('d1'), disk('d2')], flag))
  t.same(
    ['d1', 'd2', 'd3'].map((name) => isEvicting(byNode, name)),
    [true, true, false],
    'd3 is not in spec',
  )
  t.end()
})

t.test('the UUID of a disk is that in status of a disk in spec', (t) => {
  const raw = rawNode('n', [disk('d1'), disk('d2', { synced: false }), disk('d3', { diskUUID: '' })])
  const node = parsed('Node', {
    ...raw,
    status: { diskStatus: { ...raw.status.diskStatus, gone: { diskUUID: 'u' } } },
  })
  t.same(
    ['d1', 'd2', 'd3', 'gone', 'never'].map((name) => diskUUID(node, name)),
    [uuid('d1'), undefined, undefined, undefined, undefined],
  )
  t.end()
})

t.test('a copy is planned in spec, present in both, pending clean-up in status', (t) => {
  const image = parsed('BackingImage', rawImage('i', [pending('d1', 'unknown'), planned('d2'), ready('d3')]))
  t.same(copiesOf(image), [
    { image: 'i', diskUUID: uuid('d2'), phase: 'planned', state: '' },
    { image: 'i', diskUUID: uuid('d3'), phase: 'present', state: 'ready' },
    { image: 'i', diskUUID: uuid('d1'), phase: 'pending cleanup', state: 'unknown' },
  ])
  t.same(pendingCleanups(image), [
    { image: 'i', diskUUID: uuid('d1'), phase: 'pending cleanup', state: 'unknown' },
  ])
  t.end()
})

t.test('only a copy that is present and ready is ready', (t) => {
  const readiness = (...copies: Parameters<typeof rawImage>[1]) =>
    copiesOf(parsed('BackingImage', rawImage('i', copies))).map(isReady)
  t.same(readiness(ready('d1'), planned('d2'), pending('d3', 'ready')), [true, false, false])
  for (const state of ['', 'pending', 'starting', 'in-progress', 'ready-for-transfer', 'failed', 'unknown']) {
    t.same(readiness(copy('d1', state)), [false], state)
  }
  t.end()
})

t.test('an entry remembers whether its copy is being moved away', (t) => {
  const image = parsed('BackingImage', rawImage('i', [ready('d1', { evicting: true }), ready('d2')]))
  t.equal(image.spec.diskFileSpecMap.get(uuid('d1'))?.evictionRequested, true)
  t.equal(image.spec.diskFileSpecMap.get(uuid('d2'))?.evictionRequested, false)
  t.end()
})
