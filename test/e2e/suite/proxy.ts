import { join } from 'node:path'
import type { Test } from 'tap'
import { runProgram, type Ended } from '../../commands/holdfast.ts'
import { holdfast } from '../../fixtures/main.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { Child } from '../child.ts'
import type { RealCluster } from '../real-cluster.ts'
import { World } from '../world.ts'
import { targets } from './targets.ts'

/** kubectl through `holdfast proxy kubernetes`, where no webhook is registered yet: the proxy alone guards. */
export async function proxy(t: Test, cluster: RealCluster): Promise<void> {
  const kubeconfig = join(cluster.plane.folder, 'kubeconfig')
  const ports = ['--listen', '127.0.0.1:0', '--health-port', '0', '--operator-port', '0']
  const args = [
    'proxy',
    'kubernetes',
    '--kubeconfig',
    kubeconfig,
    '--namespace',
    'holdfast',
    '--hold',
    '1s',
    ...ports,
  ]
  const child = new Child('proxy', process.execPath, [...holdfast, ...args], {
    PATH: process.env.PATH ?? '',
    HOME: '/dev/null',
  })
  t.teardown(() => child.end())
  const port = await child.line((line) => {
    const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: string; port?: number }) : {}
    return entry.msg === 'listening' ? entry.port : undefined
  })
  await child.line((line) => line.includes('every Longhorn object is read') || undefined)
  const env = { PATH: process.env.PATH ?? '', HOME: cluster.plane.folder, KUBECONFIG: '/dev/null' }
  const kubectl = (
    args: readonly string[],
    input?: string,
    more: Record<string, string> = {},
  ): Promise<Ended> =>
    runProgram(
      cluster.binaries.kubectl,
      ['--server', `http://127.0.0.1:${port}`, '-n', 'longhorn-system', ...args],
      { ...env, ...more },
      input,
    )
  const world = new World(cluster)
  await world.node('px', [disk('px-a'), disk('px-b')])
  await world.node('py', [disk('py-a')])

  t.test('kubectl reads, watches and writes as without the proxy', async (t) => {
    t.match(await kubectl(['get', 'nodes.longhorn.io', 'px', '-o', 'name']), {
      code: 0,
      stdout: 'node.longhorn.io/px\n',
    })
    t.match((await kubectl(['api-resources', '--api-group', 'longhorn.io'])).stdout, 'backingimages')
    const waiting = kubectl([
      'wait',
      'nodes.longhorn.io/px',
      '--for=jsonpath={.spec.allowScheduling}=false',
      '--timeout=30s',
    ])
    const merge = [
      'patch',
      'nodes.longhorn.io',
      'px',
      '--type',
      'merge',
      '-p',
      '{"spec":{"allowScheduling":false,"tags":["seen"]}}',
    ]
    t.equal((await kubectl(merge)).code, 0)
    const waited = await waiting
    t.equal(waited.code, 0, `a watch: ${waited.stderr}`)
    const json = '[{"op":"replace","path":"/spec/tags","value":["json"]}]'
    t.equal((await kubectl(['patch', 'nodes.longhorn.io', 'px', '--type', 'json', '-p', json])).code, 0)
    // As the API server says of every custom resource.
    const strategic = [
      'patch',
      'nodes.longhorn.io',
      'px',
      '--type',
      'strategic',
      '-p',
      '{"spec":{"tags":[]}}',
    ]
    t.match(await kubectl(strategic), { code: 1, stderr: /strategic-merge-patch\+json is not supported/ })
    const edit = await kubectl(['edit', 'nodes.longhorn.io', 'px'], '', {
      KUBE_EDITOR: "sed -i 's/- json/- edited/'",
    })
    t.match(edit, { code: 0, stdout: /px edited/ }, edit.stderr)
    t.match(
      (await kubectl(['get', 'nodes.longhorn.io', 'px', '-o', 'jsonpath={.spec.tags}'])).stdout,
      'edited',
    )
  })

  t.test('apply of both kinds, create, replace and delete', async (t) => {
    const image = (minNumberOfCopies: number) =>
      JSON.stringify({
        apiVersion: 'longhorn.io/v1beta2',
        kind: 'BackingImage',
        metadata: { name: 'px-image' },
        spec: { sourceType: 'download', minNumberOfCopies },
      })
    t.match(await kubectl(['apply', '-f', '-'], image(1)), { code: 0, stdout: /px-image created/ })
    t.match(await kubectl(['apply', '-f', '-'], image(2)), { code: 0, stdout: /px-image configured/ })
    t.match(await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], image(3)), {
      code: 0,
      stdout: /px-image serverside-applied/,
    })
    t.match(await kubectl(['replace', '-f', '-'], image(1)), { code: 0 })
    t.match(await kubectl(['delete', 'backingimages.longhorn.io', 'px-image']), {
      code: 0,
      stdout: /deleted/,
    })
    t.match(await kubectl(['delete', 'backingimages.longhorn.io', 'px-image']), {
      code: 1,
      stderr: /NotFound/,
    })
  })

  t.test('an eviction during a clean-up does not get to the API server, however it is written', async (t) => {
    await world.image('px-pending', [pending('px-a')])
    const raise = '{"spec":{"allowScheduling":false,"evictionRequested":true}}'
    const flags = ['--request-timeout', '4s']
    const patched = await kubectl([
      'patch',
      'nodes.longhorn.io',
      'px',
      '--type',
      'merge',
      '-p',
      raise,
      ...flags,
    ])
    t.equal(patched.code, 1, patched.stdout)
    const node = { apiVersion: 'longhorn.io/v1beta2', kind: 'Node', metadata: { name: 'px' } }
    const wanted = JSON.stringify({ ...node, spec: { evictionRequested: true } })
    const applied = await kubectl(
      ['apply', '--server-side', '--force-conflicts', '-f', '-', ...flags],
      wanted,
    )
    t.equal(applied.code, 1, applied.stdout)
    const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/px'
    // The same to the API server, and the last is no dry run.
    for (const target of [path, path.replaceAll('/', '%2F').replace('%2F', '/'), `${path}?dryRun=All;x`]) {
      const headers = { 'content-type': 'application/merge-patch+json' }
      const answer = await fetch(`http://127.0.0.1:${port}${target}`, {
        method: 'PATCH',
        headers,
        body: raise,
      })
      t.match(
        await answer.text(),
        /(?=[^]*"code":429)[^]* has to wait: [^]*rule eviction-during-cleanup/,
        target,
      )
    }
    const { stdout } = await kubectl([
      'get',
      'nodes.longhorn.io',
      'px',
      '-o',
      'jsonpath={.spec.evictionRequested}',
    ])
    t.equal(stdout, 'false')
    const other = await kubectl(['patch', 'nodes.longhorn.io', 'py', '--type', 'merge', '-p', raise])
    t.match(other, { code: 0 }, 'another node')
    const record = await child.line((line) =>
      /"actor":.*"door":"proxy-kubernetes"|"door":"proxy-kubernetes".*"actor":/.test(line) ? line : undefined,
    )
    t.match(JSON.parse(record), { actor: { user: /./ }, object: { kind: 'Node', name: 'px' } })
    t.notMatch(record, '"user":"unknown"', 'the API server has named the user')
  })

  t.test('no target gets around the proxy', (t) => targets(t, cluster, port))

  t.test('an admitted change leaves no reservation behind', async (t) => {
    const leases = await cluster.must([
      'get',
      'leases',
      '-n',
      'holdfast',
      '-o',
      'yaml',
      '-l',
      'holdfast.dev/reservations=true',
    ])
    t.notMatch(leases, '"intent"')
  })
}
