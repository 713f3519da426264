import t from 'tap'
import { mayMarkLate } from '../../../src/commands/evict/late-marks.ts'
import { cluster, releases } from '../../fixtures/cluster.ts'
import {
  disk,
  pending,
  planned,
  type RawCopy,
  type RawNodeOptions,
  ready,
} from '../../fixtures/raw-objects.ts'

const { A, C, none } = releases
const node = { node: 'n1', disk: undefined }

/** n1 in this version, whose status was written in this second. */
function written(resourceVersion: string, second: number, options: RawNodeOptions = {}): RawNodeOptions {
  const time = new Date(second * 1_000).toISOString()
  return { ...options, metadata: { resourceVersion, managedFields: [{ subresource: 'status', time }] } }
}

/** Whether it may, with the node in one version after the flags went down in another. */
function may(
  release: string | undefined,
  since: RawNodeOptions,
  now: RawNodeOptions,
  copies: readonly RawCopy[] = [ready('d1')],
): boolean {
  const of = (options: RawNodeOptions) =>
    cluster(release)
      .node('n1', [disk('d1')], options)
      .image('ubuntu', [...copies]).map
  const before = of(since).node('n1')
  if (!before) throw new Error('there is no n1')
  return mayMarkLate(node, of(now), before)
}

const down = written('7', 100)

t.test('a manager may mark late until it has written the status of its node', (t) => {
  for (const release of [A, C]) {
    t.ok(may(release, down, down), 'nothing has come since')
    t.ok(may(release, down, written('8', 100)), 'a person has written an annotation')
    t.notOk(may(release, down, written('8', 103)))
  }
  t.end()
})

t.test('a status that another manager writes proves nothing', (t) => {
  t.ok(may(A, down, written('8', 103, { schedulable: false })))
  const notReady = { reason: 'KubernetesNodePressure' }
  t.ok(may(A, down, written('8', 103, { ready: false, notReady })))
  t.end()
})

t.test('a manager that is down marks nothing, and one that starts has noticed', (t) => {
  const notReady = { reason: 'ManagerPodDown', since: '2026-01-01T12:00:00Z' }
  const off = written('7', 100, { ready: false, notReady })
  t.notOk(may(A, off, off))
  t.end()
})

t.test('no copy, or only one that Longhorn does not mark, needs no wait', (t) => {
  t.notOk(may(A, down, down, []))
  t.notOk(may(A, down, down, [planned('d1')]))
  t.notOk(may(A, down, down, [pending('d1')]))
  t.notOk(may(none, down, down), 'this release moves no copies')
  t.end()
})
