import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { ClusterObject, WatchSink } from '../../src/sandbox/cluster-client.ts'
import { History } from './history.ts'
import { SeenVersions } from './seen-versions.ts'

const everyMs = 5

/** A history of two watches that a test feeds, and the versions in the order in which the oracle heard of them. */
function following() {
  const sinks: WatchSink[] = []
  const told: string[] = []
  const watch = (_: unknown, __: unknown, sink: WatchSink) => {
    sinks.push(sink)
    return { objects: [], close: () => undefined }
  }
  const oracle = {
    begin: () => undefined,
    happened: ({ object }: { readonly object: ClusterObject }) =>
      void told.push(object.metadata.resourceVersion ?? ''),
  }
  const history = new History({ watch }, oracle, new SeenVersions(), everyMs)
  const comes = (kind: string, resourceVersion: string) => {
    const object = { apiVersion: 'longhorn.io/v1beta2', kind, metadata: { name: 'one', resourceVersion } }
    sinks[0]?.changed({ type: 'MODIFIED', object })
  }
  return { history, comes, told }
}

t.test('writes are told in the order of their versions, and all of them at the end', async (t) => {
  const { history, comes, told } = following()
  comes('BackingImage', '12')
  comes('Node', '11')
  await wait(everyMs)
  comes('Node', '10')
  await history.stop()
  t.strictSame(told, ['10', '11', '12'])
})

t.test('a machine that stands still does not change that order', async (t) => {
  const { history, comes, told } = following()
  comes('BackingImage', '11')
  // After the next look of the history, which is late by then.
  const late = wait(2 * everyMs).then(() => comes('Node', '10'))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50 * everyMs)
  await late
  await history.stop()
  t.strictSame(told, ['10', '11'])
})
