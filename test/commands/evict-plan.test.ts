import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { rawImage, rawNode } from '../fixtures/raw-objects.ts'
import { FakeApiServer } from '../kubernetes/fake-api-server.ts'
import { run } from './holdfast.ts'

async function cluster(t: Test, release: string) {
  const sandbox = await embeddedCluster(t, { release, longhorn: { drainMs: 50, restartMs: 200 } })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  return { sandbox, at: ['--kubeconfig', kubeconfig] }
}

t.test('an eviction reports its steps one by one, and a dry run only the plan', async (t) => {
  const { sandbox, at } = await cluster(t, 'v1.10.0')
  const dry = await run(['evict', 'node-2', '--dry-run', ...at])
  t.equal(dry.code, 0, dry.stderr)
  t.match(dry.stderr, 'node node-2: would close the disks for scheduling, and request the eviction')
  t.match(dry.stderr, /1\. close the disks .*\n +2\. .*replicas away \(1 now\)\n +3\. .*removed the copies/)
  t.match(dry.stderr, 'Nothing was written')
  const done = await run(['evict', 'node-2', '--timeout', '10m', '-o', 'json', ...at])
  t.equal(done.code, 0, done.stderr)
  t.match(
    done.stderr,
    /requesting the eviction\n.*waiting for Longhorn to move 1 replica away: pvc-web-r-1 \(0 B of 1 GiB, 0%\)\n/,
  )
  t.match(
    done.stderr,
    /node node-2: done: no replica and no copy is left\nClosed for scheduling: node-2\. To put back in service: holdfast reopen node-2 --kubeconfig /,
  )
  const steps = done.stdout.trimEnd().split('\n')
  t.match(
    steps.map((line) => JSON.parse(line) as unknown),
    [
      { kind: 'EvictionStep', node: 'node-2', disk: null, step: 'raise' },
      { step: 'wait-for-replicas', replicas: [/./] },
    ],
  )
  t.match(JSON.parse(steps.at(-1) ?? ''), { step: 'done' })
  const yaml = await run(['evict', 'node-2', '-o', 'yaml', ...at])
  t.match(yaml.stdout, /^---\napiVersion: holdfast.dev\/v1\nkind: EvictionStep\n/)
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('an obstacle is reported, with an exit code', async (t) => {
  const { at } = await cluster(t, 'v1.8.0')
  t.match(await run(['evict', 'node-2', ...at]), {
    code: 2,
    stderr: /no guard is registered in this cluster/,
  })
  t.match(await run(['evict', 'node-9', '--unguarded', ...at]), {
    code: 2,
    stderr: /^holdfast: There is no Longhorn node node-9\. There are: node-1, node-2, node-3\n$/,
  })
  t.match(await run(['evict', 'node-9', '--dry-run', ...at]), { code: 2, stderr: /no Longhorn node node-9/ })
  t.match(await run(['evict', 'node-2', '--disk', 'disk-9', '--unguarded', ...at]), {
    code: 2,
    stderr: /^holdfast: Longhorn node node-2 has no disk disk-9\. There are: disk-1, disk-2\n$/,
  })
  t.match(await run(['evict', 'node-2', '--dry-run', ...at]), {
    code: 0,
    stderr: /3\. wait until each backing image has a ready copy elsewhere .*\n +4\. clear the flag/,
  })
  t.match(await run(['evict', 'node-2', '--timeout', 'soon', ...at]), { code: 2, stderr: /30m or 2h/ })
  t.match(await run(['evict', 'node-2', '--kubeconfig', '/nonexistent']), { code: 2 })
  const late = await run(['evict', 'node-2', '--unguarded', '--timeout', '1ms', ...at])
  t.match(late, { code: 1, stderr: /The time is up. Go on with: holdfast evict node-2/ })
})

t.test('a plan is printed as text and as a document, with an exit code', async (t) => {
  const sandbox = await embeddedCluster(t, { nodes: 4, images: 1, longhorn: {} })
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
  t.match(
    text.stdout,
    /^Close for scheduling first: node-1 node-4\nBatch 1: node-1 node-4 \(copies move: ubuntu-22\.04\)\nCommands:\n/,
  )
  t.equal(json.code, 0, json.stderr)
  const document = JSON.parse(json.stdout) as { batches: unknown[] }
  t.match(document, { apiVersion: 'holdfast.dev/v1', kind: 'EvictionPlan', possible: true, closeFirst: [] })
  t.equal(document.batches.length, 4)
  t.equal(none.code, 1)
  t.match(parse(none.stdout), { possible: false, problems: [/ubuntu-22.04 has to keep .* there are 0/] })
  t.match(unknown, { code: 2, stderr: /There is no Longhorn node node-9\. There are: node-1, node-2, / })
  t.match(wrong, { code: 2, stderr: /at least 1/ })
})

t.test('no plan is made while an object cannot be read, since it would be overlooked', async (t) => {
  const server = await FakeApiServer.start()
  t.teardown(() => server.down())
  const folder = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
  server.store.put(`${folder}/nodes`, rawNode('node-1', []))
  const odd = { diskFileSpecMap: { 'uuid-1': 'no object' } }
  server.store.put(`${folder}/backingimages`, { ...rawImage('odd', []), spec: odd })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(server.url, 'longhorn-system'))
  t.match(await run(['plan', 'node-1', '--kubeconfig', kubeconfig]), {
    code: 2,
    stdout: /^$/,
    stderr: /BackingImage odd cannot be read, and a plan must not overlook it: .*diskFileSpecMap/,
  })
})
