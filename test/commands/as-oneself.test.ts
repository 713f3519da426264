import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { witness } from '../kubernetes/witness.ts'
import { run } from './holdfast.ts'

t.test(
  'check judges the request of another user, and reads the cluster with the person’s rights',
  async (t) => {
    const { port, seen } = await witness(t)
    const kubeconfig = join(t.testdir(), 'kubeconfig')
    const config = {
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'x' } }],
      clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}` } }],
    }
    await writeFile(kubeconfig, JSON.stringify(config))
    const judged = ['check', 'nodes/node-1', '--patch', '{}', '--as', 'grace', '--as-group', 'storage']
    await run([...judged, '--kubeconfig', kubeconfig])
    t.strictSame([...new Set(seen.flatMap(({ impersonation }) => impersonation))], [])
    t.ok(seen.length > 0)
    await run(['status', '--kubeconfig', kubeconfig, '--as', 'grace'])
    t.strictSame(seen.at(-1)?.impersonation, ['impersonate-user: grace'])
  },
)
