import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { start } from '../holdfast.ts'

t.test('an eviction moves the cursor on a terminal alone, and what stays is plain lines', async (t) => {
  const longhorn = { drainMs: 50, copyMs: 50, rebuildMs: 50, syncMs: 50 }
  const { kubeconfig } = await embeddedCluster(t, { release: 'v1.10.0', longhorn })
  const file = join(t.testdir(), 'kubeconfig')
  await writeFile(file, kubeconfig)
  const evict = async (isTTY: boolean, node: string) => {
    const running = start(['evict', node, '--kubeconfig', file])
    Object.assign(running.stderr, { isTTY, columns: 120, rows: 24 })
    const [stderr, code] = await Promise.all([text(running.stderr), running.exit, text(running.stdout)])
    t.equal(code, 0, stderr)
    return stderr
  }
  const piped = await evict(false, 'node-2')
  t.notMatch(piped, '\u001B')
  t.match(piped, /requesting the eviction\n/)
  const shown = await evict(true, 'node-3')
  t.match(shown, '\u001B[2K', 'a block is written anew')
  t.match(shown, /node node-3: done: no replica and no copy is left\n/)
  t.match(shown, /Closed for scheduling: node-3\. To put back in service: holdfast reopen node-3 /)
})
