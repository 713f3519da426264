import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { run } from './holdfast.ts'

t.test('a plan is told as text and as a document, with an exit code', async (t) => {
  const sandbox = await Sandbox.start({
    port: 0,
    release: 'v1.8.0',
    nodes: 4,
    images: 1,
    longhorn: {},
    report: () => undefined,
  })
  t.teardown(() => sandbox.stop())
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  const plan = (...args: string[]) => run(['plan', '--kubeconfig', kubeconfig, ...args])

  const [text, json, none, unknown, wrong] = await Promise.all([
    plan('node-1', 'node-4'),
    plan('node-1', 'node-2', 'node-3', 'node-4', '--reopen', '--batch-size', '1', '-o', 'json'),
    plan('node-1', 'node-2', 'node-3', 'node-4', '-o', 'yaml'),
    plan('node-1', 'node-9'),
    plan('node-1', '--batch-size', '0'),
  ])
  t.equal(text.code, 0, text.stderr)
  t.equal(
    text.stdout,
    'Close for scheduling first: node-1 node-4\nBatch 1: node-1 node-4 (copies move: ubuntu-22.04)\n',
  )
  t.equal(json.code, 0, json.stderr)
  const document = JSON.parse(json.stdout) as { batches: unknown[] }
  t.match(document, { apiVersion: 'holdfast.dev/v1', kind: 'EvictionPlan', possible: true, closeFirst: [] })
  t.equal(document.batches.length, 4)
  t.equal(none.code, 1)
  t.match(parse(none.stdout), { possible: false, problems: [/ubuntu-22.04 has to keep .* there are 0/] })
  t.match(unknown, { code: 2, stderr: /There is no Longhorn node node-9/ })
  t.match(wrong, { code: 2, stderr: /at least 1/ })
})
