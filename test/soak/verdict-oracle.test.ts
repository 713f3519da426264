import t from 'tap'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { disk, pending, rawImage, rawNode, ready } from '../fixtures/raw-objects.ts'
import { VerdictOracle } from './verdict-oracle.ts'

let version = 10
const versioned = <T extends object>(kind: string, object: T & { metadata: object }, generation: number) => {
  version += 1
  const metadata = { ...object.metadata, resourceVersion: String(version), generation }
  return { apiVersion: 'longhorn.io/v1beta2', kind, ...object, metadata } as T & ClusterObject
}
const node = (evictionRequested: boolean, generation: number) =>
  versioned('Node', rawNode('n1', [disk('d1'), disk('d2', { evictionRequested })]), generation)

t.test('a flag that meets a clean-up is a wrong verdict', (t) => {
  const oracle = new VerdictOracle('A')
  oracle.begin([node(false, 1), versioned('BackingImage', rawImage('debian', [pending('d1')]), 1)])
  oracle.happened({ type: 'MODIFIED', object: node(true, 2) })
  t.match(oracle.wrong, [{ write: /^Node n1 at /, why: 'the manager of n1 crashes' }])
  t.equal(oracle.judged, 1)
  t.end()
})

t.test('a clean-up that takes the last usable copy is one too, and one of two copies is not', (t) => {
  const oracle = new VerdictOracle('A')
  const image = (copies: Parameters<typeof rawImage>[1], generation: number) =>
    versioned('BackingImage', rawImage('debian', copies), generation)
  oracle.begin([node(false, 1), image([ready('d1'), ready('d2')], 1)])
  oracle.happened({ type: 'MODIFIED', object: image([pending('d1'), ready('d2')], 2) })
  t.strictSame(oracle.wrong, [])
  oracle.happened({ type: 'MODIFIED', object: image([pending('d1'), pending('d2')], 3) })
  t.match(oracle.wrong, [{ write: /^BackingImage debian at /, why: 'it takes the last usable copy' }])
  t.end()
})

t.test('a write of status is nobody’s verdict, and is counted apart', (t) => {
  const oracle = new VerdictOracle('A')
  oracle.begin([node(true, 1), versioned('BackingImage', rawImage('debian', []), 1)])
  oracle.happened({
    type: 'MODIFIED',
    object: versioned('BackingImage', rawImage('debian', [pending('d1')]), 1),
  })
  t.strictSame(oracle.wrong, [])
  t.equal(oracle.dangerOfStatus.length, 1)
  t.end()
})

t.test('what is not newer than the lists is not judged', (t) => {
  const oracle = new VerdictOracle('A')
  const flagged = node(true, 2)
  oracle.begin([node(false, 1), versioned('BackingImage', rawImage('debian', [pending('d1')]), 1)])
  oracle.happened({ type: 'MODIFIED', object: flagged })
  t.strictSame(oracle.wrong, [])
  t.end()
})
