import t from 'tap'
import type { ClusterObject, WatchSink } from '../../src/sandbox/cluster-client.ts'
import { turns } from '../fixtures/eventually.ts'
import { History } from './history.ts'
import { SeenVersions } from './seen-versions.ts'

/** A history of two watches that a test feeds and lets look, and the versions in the order in which the oracle heard of them. */
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
  let next = (): void => undefined
  const pause = () => new Promise<void>((resolve) => (next = resolve))
  const history = new History({ watch }, oracle, new SeenVersions(), pause)
  const looks = async (count: number): Promise<void> => {
    for (let look = 0; look < count; look += 1) {
      next()
      await turns()
    }
  }
  const comes = (kind: string, resourceVersion: string) => {
    const object = { apiVersion: 'longhorn.io/v1beta2', kind, metadata: { name: 'one', resourceVersion } }
    sinks[0]?.changed({ type: 'MODIFIED', object })
  }
  return { history, comes, looks, told }
}

t.test(
  'a write is told after fifteen looks, and not before one of an earlier version that has come by then',
  async (t) => {
    const { comes, looks, told } = following()
    comes('BackingImage', '12')
    comes('Node', '11')
    await looks(14)
    t.strictSame(told, [], 'however long the looks have taken')
    comes('Node', '10')
    await looks(14)
    t.strictSame(told, [], 'the earlier version has its fifteen looks too')
    await looks(1)
    t.strictSame(told, ['10', '11', '12'])
  },
)

t.test('at the end all that has come is told, after fifteen more looks', async (t) => {
  const { history, comes, looks, told } = following()
  comes('BackingImage', '2')
  await looks(3)
  const stopped = history.stop()
  comes('Node', '1')
  await looks(15)
  await stopped
  t.strictSame(told, ['1', '2'])
})
