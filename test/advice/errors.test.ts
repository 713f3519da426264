import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { commandIn } from '../commands/guarded-cluster.ts'
import { logOf, run, start } from '../commands/holdfast.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { record } from '../observability/records.ts'
import { operator, wordsOf } from './operator.ts'

const anyPort = ['--health-port', '0', '--operator-port', '0', '--linger', '0s']

t.test('check gets a change, and a state to judge it against', async (t) => {
  const { holdfast } = await operator(t)
  const patch = `--patch '{"spec":{"tags":["a"]}}'`
  t.match(await holdfast('check'), {
    code: 2,
    stderr: /nothing to check: name files, or give --patch with its object/,
  })
  const unnamed = await holdfast(`check ${patch}`)
  t.match(unnamed, {
    code: 2,
    stderr: /--patch needs an object, as in: holdfast check nodes\/node-1/,
  })
  const as = commandIn(unnamed.stderr, /holdfast check nodes\/node-1/)
  t.match(await holdfast(`${as} ${patch}`), { code: 0 })

  await writeFile('nothing.yaml', 'apiVersion: v1\nkind: List\nitems: []\n')
  const nothing = await holdfast(`${as} ${patch} --snapshot nothing.yaml`)
  t.match(nothing, { code: 2, stderr: /write one with holdfast snapshot/ })
  const snapshot = await holdfast(commandIn(nothing.stderr, /holdfast snapshot/))
  await writeFile('cluster.yaml', snapshot.stdout)
  t.match(await holdfast(`${as} ${patch} --snapshot cluster.yaml`), { code: 0 })

  t.match(await holdfast('check -f - --snapshot -', snapshot.stdout), {
    code: 2,
    stderr: /standard input \(-\) can be read once: name a file for the other/,
  })
  t.match(await holdfast('check -f - --snapshot cluster.yaml', snapshot.stdout), { code: 0 })
})

t.test('audit reads one of two sources that it was given', async (t) => {
  const { holdfast } = await operator(t)
  await writeFile('audit.log', `${JSON.stringify(record())}\n`)
  t.match(await holdfast('audit audit.log --address http://127.0.0.1:1'), {
    code: 2,
    stdout: '',
    stderr: /audit\.log and --address are two sources: name one of them/,
  })
  t.match(await holdfast('audit audit.log -o json'), { code: 0, stdout: /"holdfast\.dev\/audit\// })
})

t.test('an eviction without a guard goes on with --unguarded', async (t) => {
  const { sandbox, holdfast } = await operator(t)
  const refused = await holdfast('evict node-3')
  t.match(refused, { code: 2, stderr: /Install the guard\. To go on anyway: --unguarded/ })
  t.match(await holdfast('evict node-3 --unguarded'), { code: 0 })
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('an eviction that timed out goes on with the printed command', async (t) => {
  const { holdfast } = await operator(t, 'v1.10.0')
  const late = await holdfast('evict node-2 --timeout 1ms')
  t.match(late, { code: 1, stderr: /The time is up\. Go on with: / })
  t.match(await holdfast(commandIn(late.stderr, /holdfast evict node-2$/m)), { code: 0 })
})

t.test('an eviction beside another one begins once that is given up, or of the whole node', async (t) => {
  const { sandbox, holdfast, follow } = await operator(t)
  const flag = (up: boolean) =>
    follow(
      `kubectl -n longhorn-system patch nodes.longhorn.io node-1 --type merge -p '{"spec":{"disks":{"disk-2":{"allowScheduling":${!up},"evictionRequested":${up}}}}}'`,
    )
  t.match(await flag(true), { code: 0 })
  const beside = await holdfast('evict node-1 --disk disk-1 --dry-run')
  t.match(beside, {
    code: 1,
    stderr: /Let the other one end first, or clear its flag, or empty the whole node \(without --disk\)/,
  })
  t.match(await holdfast('evict node-1 --dry-run'), { code: 0 })
  t.match(await flag(false), { code: 0 })
  t.match(await holdfast('evict node-1 --disk disk-1 --dry-run'), { code: 0 })
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('an eviction of a node that Longhorn has not looked at begins once it has', async (t) => {
  const { sandbox, holdfast, follow } = await operator(t)
  await sandbox.longhorn.powerOff('node-3')
  const disk = '{"path":"/mnt/new","allowScheduling":true,"evictionRequested":false}'
  const patch = `kubectl -n longhorn-system patch nodes.longhorn.io node-3 --type merge -p '{"spec":{"disks":{"new":${disk}}}}'`
  t.match(await follow(patch), { code: 0 })
  const unseen = await holdfast('evict node-3 --disk new --dry-run')
  t.match(unseen, { code: 1, stderr: /Longhorn has not synced disk new of node-3 yet; is the node up\?/ })
  await sandbox.longhorn.powerOn('node-3')
  let last = unseen
  while (last.code !== 0) last = await holdfast('evict node-3 --disk new --dry-run')
  t.match(last, { code: 0 })
})

t.test('serve without a certificate names the command that makes one, and then starts', async (t) => {
  const { holdfast, listens } = await operator(t)
  const serve = `serve --host 127.0.0.1 --port 0 --namespace holdfast ${anyPort.join(' ')}`
  const none = await holdfast(serve)
  t.equal(none.code, 2)
  const made = await holdfast(commandIn(none.stderr, /holdfast certs --dir certs --dns localhost/))
  t.match(made, { code: 0 })
  await listens(serve)
  const again = await holdfast('certs --dir certs --dns localhost')
  t.match(again, {
    code: 2,
    stderr: /To replace existing files, add --overwrite\. Or choose another folder: --dir <folder>/,
  })
  t.match(await holdfast('certs --dir certs --dns localhost --overwrite'), { code: 0 })
  t.match(await holdfast('certs --dir others --dns localhost'), { code: 0 })
})

t.test(
  'serve without its namespace or its Secret names the commands that make them, and then starts',
  { skip },
  async (t) => {
    const { sandbox, holdfast, listens, follow } = await operator(t)
    const own = '--certificate-secret holdfast-tls --server-name localhost --host 127.0.0.1 --port 0'
    // kubectl sends what it creates from flags as protobuf, which the embedded cluster does not read.
    const create = (command: string) => follow(`${command} --dry-run=client -o yaml | kubectl apply -f -`)
    const serve = `serve ${own} --namespace storage ${anyPort.join(' ')}`
    const none = await holdfast(serve)
    t.match(none, {
      code: 2,
      stderr: /There is no namespace storage for the guard’s Leases\. Create it: kubectl/,
    })
    t.match(await create(commandIn(none.stderr, /kubectl create namespace storage/)), { code: 0 })

    const running = start(wordsOf(serve), {
      HOME: '/dev/null',
      KUBECONFIG: join(process.cwd(), 'kubeconfig'),
    })
    t.teardown(running.end)
    const logged = logOf(running)
    const { err } = await logged('certificates cannot be renewed or published')
    const command = commandIn(
      JSON.stringify(err),
      /kubectl create secret generic holdfast-tls --namespace storage/,
    )
    t.match(await create(command), { code: 0 })
    await logged('listening')
    await running.end()
    t.ok(sandbox)
    await listens(serve)
  },
)

t.test('a door with another namespace starts with that of the others', async (t) => {
  const { sandbox, holdfast, listens, follow } = await operator(t)
  const namespaces = { group: '', version: 'v1', plural: 'namespaces' }
  for (const name of ['team-a', 'team-b'])
    await sandbox.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const proxy = `proxy kubernetes --listen 127.0.0.1:0 --health-port 0 --operator-port 0 --linger 0s`
  await listens(`${proxy} --namespace team-a`)
  const other = await holdfast(`${proxy} --namespace team-b`)
  t.match(other, { code: 2, stderr: /Start with --namespace team-a\./ })
  await listens(`${proxy} ${commandIn(other.stderr, /--namespace team-a/)}`)
  const command = commandIn(other.stderr, /kubectl delete lease holdfast-book --namespace longhorn-system/)
  t.match(await follow(command), { code: 0 })
  await listens(`${proxy} --namespace team-b`)
})

t.test('a proxy accepts the address that the error names', async (t) => {
  const { holdfast, listens, folder } = await operator(t)
  await mkdir(join(folder, 'certs'), { recursive: true })
  t.match(await holdfast('certs --dir certs --dns localhost'), { code: 0 })
  const open = await holdfast('proxy kubernetes --listen 0.0.0.0:0')
  t.match(open, { code: 2, stderr: /listen on 127\.0\.0\.1, or use --caller-token with --tls/ })
  const shown = await holdfast('proxy kubernetes --listen 0.0.0.0:0 --caller-token')
  t.match(shown, { code: 2, stderr: /add --tls$/m })
  const places = '--health-port 0 --operator-port 0 --linger 0s --namespace holdfast'
  await listens(`proxy kubernetes --listen 127.0.0.1:0 ${places}`)
  await listens(`proxy kubernetes --listen 0.0.0.0:0 --caller-token --tls ${places}`)
})

t.test('a port that is taken is exchanged for another', async (t) => {
  const { holdfast, listens } = await operator(t)
  const taken = createServer()
  taken.listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const proxy = (at: number) =>
    `proxy kubernetes --listen 127.0.0.1:${at} --health-port 0 --operator-port 0 --linger 0s --namespace holdfast`
  t.match(await holdfast(proxy(port)), { code: 2, stderr: /Choose another port or address/ })
  await listens(proxy(0))
  const cluster = await holdfast(`sandbox --bare --port ${port}`)
  t.match(cluster, { code: 2, stderr: /choose other ports with --port and --rest-port, or none/ })
})

t.test('a cluster is named where none is found, and a context where none is chosen', async (t) => {
  const { sandbox, folder, holdfast } = await operator(t)
  const nowhere = await run(['status'], { HOME: '/nonexistent' })
  t.match(nowhere, { code: 2, stderr: /Name a kubeconfig file, or set KUBECONFIG\./ })
  t.match(await run(['status', '--kubeconfig', join(folder, 'kubeconfig')], { HOME: '/nonexistent' }), {
    code: 0,
  })

  const unchosen = kubeconfigFor(sandbox.api.url, 'default').replace(/^current-context: .*$/m, '')
  await writeFile('unchosen', unchosen)
  const asked = await holdfast('status --kubeconfig unchosen')
  t.match(asked, { code: 2, stderr: /Known contexts: holdfast-sandbox\. Name the one to use\./ })
  t.match(await holdfast('status --kubeconfig unchosen --context holdfast-sandbox'), { code: 0 })
})

t.test('settings of client certificates that do not go together are put right', async (t) => {
  const { holdfast, listens } = await operator(t)
  const places = `--port 0 --host 127.0.0.1 --namespace holdfast ${anyPort.join(' ')}`
  t.match(await holdfast('certs --dir certs --dns localhost'), { code: 0 })
  const nobody = await holdfast(`serve --client-name kube-apiserver ${places}`)
  t.match(nobody, { code: 2, stderr: /Name the file of the authorities too/ })
  await listens(`serve --client-name kube-apiserver --client-ca certs/ca.crt ${places}`)
  const proxy =
    'proxy kubernetes --listen 127.0.0.1:0 --health-port 0 --operator-port 0 --linger 0s --namespace holdfast'
  const misplaced = await holdfast(`${proxy} --client-ca certs/ca.crt`)
  t.match(misplaced, { code: 2, stderr: /without effect on a proxy, .*\. Leave it out/ })
  await listens(proxy)
  const both = await holdfast('certs --api-server --dir api --dns localhost')
  t.match(both, { code: 2, stderr: /Use --webhook to say how an API server calls the guard/ })
  t.match(await holdfast('certs --api-server --dir api --webhook localhost:8443'), { code: 0 })
})

t.test('a format that does not fit is exchanged for another', async (t) => {
  const { holdfast } = await operator(t)
  const refused = await holdfast('audit --summary -o name')
  t.match(refused, {
    code: 2,
    stderr: /-o name is for objects of a cluster.* Take -o json, yaml, jsonpath or/,
  })
  // Its exit code says that there is no guard.
  t.notMatch((await holdfast('audit --summary -o yaml')).stderr, 'of this command has none')
})

t.test('nodes are named, or selected by labels', async (t) => {
  const { holdfast } = await operator(t)
  const refused = await holdfast('status node-1 --selector !maintenance')
  t.match(refused, { code: 2, stderr: /name nodes, or select them by labels \(--selector\), not both/ })
  t.match(await holdfast('status node-1'), { code: 0, stdout: /node-1 / })
  t.match(await holdfast('status --selector !maintenance'), { code: 0, stdout: /node-1 / })
})
