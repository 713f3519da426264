import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { run, runProcess } from './holdfast.ts'
import { timeless } from '../fixtures/timeless.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'

/** An embedded cluster on which a clean-up is pending on node-1, and a folder with its kubeconfig. */
async function cluster(t: Test) {
  const sandbox = await embeddedCluster(t)
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  const url = `${sandbox.api.url}/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backingimages/ubuntu-22.04`
  await fetch(url, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ spec: { diskFileSpecMap: { [uuid]: null } } }),
  })
  const folder = t.testdir()
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  return { file, at: ['--kubeconfig', await file('kubeconfig', sandbox.kubeconfig)] }
}

const eviction = '{"spec":{"evictionRequested":true}}'
const tags = `
apiVersion: longhorn.io/v1beta2
kind: Node
metadata: {name: node-1}
spec: {tags: [ssd]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
`

t.test('a change is checked against the live cluster, and again against a snapshot of it', async (t) => {
  const { file, at } = await cluster(t)
  const live = await run(['check', 'nodes/node-1', '--patch', eviction, ...at])
  t.equal(live.code, 1, live.stderr)
  t.match(
    live.stdout,
    /^held back {2}UPDATE of Node node-1 {2}\(--patch\)\n {4}evicting .* has to wait: [^]*rule eviction-during-cleanup/,
  )
  const snapshot = await run(['snapshot', ...at])
  t.equal(snapshot.code, 0)
  t.match(snapshot.stdout, /^apiVersion: holdfast.dev\/v1\nkind: Snapshot\n/)
  const against = ['--snapshot', await file('cluster.yaml', snapshot.stdout)]
  const later = await run(['check', 'lhn/node-1', '--patch', eviction, ...against])
  t.strictSame([later.code, timeless(later.stdout)], [1, timeless(live.stdout)])

  const manifest = await file('tags.yaml', tags)
  const admitted = await run(['check', '-f', manifest, ...against])
  t.equal(admitted.code, 0, admitted.stderr)
  t.match(admitted.stdout, /^admitted .*\(.*tags.yaml:2\)\nnot judged {2}ConfigMap other/)
  t.match(
    (await run(['check', '-f', manifest, '-o', 'junit', ...against])).stdout,
    /<testsuites tests="2" fail/,
  )

  const warned = await run([
    ...['check', 'node/node-1', '--patch', eviction, ...against],
    ...['--rule', 'eviction-during-cleanup=warn', '-o', 'json'],
  ])
  t.equal(warned.code, 0)
  t.match(JSON.parse(warned.stdout), [{ outcome: 'admitted', rules: ['eviction-during-cleanup'] }])
  const replaced = await run(['check', '--replace', '-f', manifest, ...against])
  t.equal(replaced.code, 1, 'the manifest has no disks')
  t.match(replaced.stdout, 'disk-removal-with-copies')
})

t.test('folders and standard input are read too', async (t) => {
  const { file, at } = await cluster(t)
  const folder = join(dirname(await file('one.yaml', tags)), '')
  await file('two.json', JSON.stringify({ apiVersion: 'v1', kind: 'Other', metadata: { name: 'x' } }))
  await file('notes.txt', 'a: [')
  const snapshot = await file('snapshot.txt', (await run(['snapshot', ...at, '-o', 'json'])).stdout)
  const against = ['--snapshot', snapshot]
  const whole = await run(['check', '-f', folder, ...against, '-o', 'json'])
  t.equal(whole.code, 0, whole.stderr)
  t.match(JSON.parse(whole.stdout), [
    { source: /one.yaml:2$/, outcome: 'admitted' },
    { what: 'ConfigMap other', outcome: 'not-judged' },
    { source: /two.json:1$/, outcome: 'not-judged' },
  ])
  const typed = await runProcess(['check', '-f', '-', ...against], {}, tags)
  t.match(typed.stdout, '(standard input:2)')
  const missing = await run(['check', '-f', join(folder, 'nowhere'), ...against])
  t.match(missing, { code: 2, stderr: /cannot read .*nowhere/ })
  const patch = `@${await file('patch.yaml', 'spec: {tags: [ssd]}')}`
  t.match(await run(['check', 'nodes/node-2', '--patch', patch, ...against]), {
    code: 0,
    stdout: /^admitted/,
  })
})

t.test('an unreadable document is reported, and exits 2', async (t) => {
  const { file, at } = await cluster(t)
  const nothing = await run(['check', ...at])
  t.strictSame([nothing.code, nothing.stderr.includes('nothing to check')], [2, true])
  const target = await run(['check', 'pods/x', '--patch', '{}', ...at])
  t.match(target, { code: 2, stderr: /--patch needs an object.*\(not pods\/x\)/ })
  const unknown = await run(['check', 'nodes/node-9', '--patch', eviction, ...at])
  t.match(unknown, {
    code: 2,
    stdout: /^cannot be judged .*Node node-9.*\n.*the object to patch does not exist/,
  })
  const yaml = await run(['check', '-f', await file('bad.yaml', 'a: [')])
  t.match(yaml, { code: 2 })
  const rule = await run(['check', 'nodes/node-1', '--patch', eviction, '--rule', 'copy-in-us=warn', ...at])
  t.match(rule, { code: 2, stderr: /did you mean "copy-in-use"/ })
  const away = await run(['check', '-f', await file('tags.yaml', tags), '--kubeconfig', '/nonexistent'])
  t.match(away, { code: 2 })
  const wrong = await run([
    'check',
    '-f',
    await file('tags.yaml', tags),
    ...at,
    '--longhorn-namespace',
    'longhorn',
  ])
  t.match(wrong, { code: 2, stdout: '', stderr: /There is no Longhorn in namespace longhorn:/ })
})

t.test('the assumed lostAfter is reported if it matters', async (t) => {
  const folder = t.testdir({ 'guard.yaml': 'lostAfter: 1h\n' })
  const snapshot = async (reason: string) => {
    const taken = `apiVersion: holdfast.dev/v1
kind: Snapshot
takenAt: 2026-01-02T00:00:00Z
items:
  - apiVersion: longhorn.io/v1beta2
    kind: Node
    metadata: {name: node-1, namespace: longhorn-system}
    status: {conditions: [{type: Ready, status: 'False', reason: ${reason}, lastTransitionTime: '2026-01-01T00:00:00Z'}]}
  - {apiVersion: longhorn.io/v1beta2, kind: Setting, metadata: {name: current-longhorn-version}, value: v1.10.0}
`
    await writeFile(join(folder, `${reason}.yaml`), taken)
    return ['--snapshot', join(folder, `${reason}.yaml`)]
  }
  const check = async (...args: readonly string[]) =>
    (await run(['check', 'nodes/node-1', '--patch', eviction, ...args])).stderr
  t.match(await check(...(await snapshot('ManagerPodMissing'))), /lost after 10m, the default of lostAfter\./)
  t.equal(await check(...(await snapshot('ManagerPodMissing')), '--config', join(folder, 'guard.yaml')), '')
  t.equal(await check(...(await snapshot('KubernetesNodeGone'))), '')
})
