import { execFile, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { longhornUi } from '../../src/sandbox/controllers/seed-objects.ts'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { chartObjects } from '../fixtures/chart-objects.ts'
import { eventually } from '../fixtures/eventually.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { hangMs } from '../fixtures/limits.ts'
import { FakeWebhook, registration, registrations } from './api/fake-webhook.ts'
import { node } from './api/objects.ts'
import { started } from './api/started.ts'

/** The real kubectl, with its home and its cache in a folder that goes with the test. */
async function kubectlFor(t: Test, url: string) {
  const home = t.testdir()
  const KUBECONFIG = join(home, 'config')
  await writeFile(KUBECONFIG, kubeconfigFor(url, 'longhorn-system'))
  const env = { PATH: process.env.PATH ?? '', HOME: home, KUBECACHEDIR: join(home, 'cache'), KUBECONFIG }
  const run = promisify(execFile)
  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run('kubectl', args, { env, timeout: hangMs }).catch(
      (error: unknown) => {
        // What kubectl says when it fails is what the tests look at.
        if (error instanceof Error && 'stderr' in error)
          return { stdout: 'failed: ', stderr: String(error.stderr) }
        throw error
      },
    )
    return stdout + stderr
  }
  /** Writes a manifest to hand over with `-f`. */
  const manifest = async (name: string, object: unknown): Promise<string> => {
    const path = join(home, `${name}.yaml`)
    await writeFile(path, stringify(object))
    return path
  }
  return { kubectl, manifest, env, home }
}

t.test('kubectl reads and writes Longhorn objects', { skip }, async (t) => {
  const { api, client } = await started(t)
  const { kubectl, manifest, env } = await kubectlFor(t, api.url)
  const wanted = node('n1', { finalizers: ['longhorn.io'], labels: { zone: 'a' } })
  const file = await manifest('n1', wanted)

  t.match(await kubectl('apply', '-f', file), /node\.longhorn\.io\/n1 created/)
  const more = await manifest('n1-more', { ...wanted, spec: { tags: ['fast'] } })
  t.match(await kubectl('apply', '-f', more), /n1 configured/, 'validated by the server, patched by kubectl')
  t.match(await client.get(resources.Node, 'longhorn-system', 'n1'), { spec: { tags: ['fast'] } })

  t.match(await kubectl('get', 'lhn', '-l', 'zone=a'), /^NAME +READY +ALLOWSCHEDULING +SCHEDULABLE +AGE\nn1 /)
  const patch = '{"spec":{"evictionRequested":true}}'
  t.match(await kubectl('patch', 'lhn', 'n1', '--type=merge', '-p', patch, '--dry-run=server'), /patched/)
  t.equal(
    await kubectl('get', 'lhn/n1', '-o', 'jsonpath={.spec.evictionRequested}'),
    '',
    'a dry run stores nothing',
  )
  t.match(await kubectl('patch', 'lhn', 'n1', '-p', patch), /failed: .*--type=merge/)

  const editor = { ...env, KUBE_EDITOR: "sed -i 's/- fast/- slow/'" }
  const edited = await promisify(execFile)('kubectl', ['edit', 'lhn', 'n1'], { env: editor })
  t.match(edited.stdout, /n1 edited/)
  t.match(await kubectl('get', 'nodes.longhorn.io', '-o', 'yaml'), / {4}tags:\n {4}- slow/)

  const uid = (await client.get(resources.Node, 'longhorn-system', 'n1'))?.metadata.uid
  await client.create(
    { group: '', version: 'v1', plural: 'events' },
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'n1.1', namespace: 'longhorn-system' },
      involvedObject: {
        apiVersion: 'longhorn.io/v1beta2',
        kind: 'Node',
        namespace: 'longhorn-system',
        name: 'n1',
        uid,
      },
      type: 'Warning',
      reason: 'ManagerCrashed',
      message: 'the manager went down',
      lastTimestamp: '2026-01-01T00:00:00Z',
    },
  )
  t.match(
    await kubectl('describe', 'lhn', 'n1'),
    /Events:\n.*\n.*\n +Warning +ManagerCrashed .* the manager went down/,
  )

  const watching = spawn('kubectl', ['get', 'lhn', '-w'], { env })
  let seen = ''
  watching.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()))
  await eventually(() => seen.includes('n1'))
  t.match(await kubectl('delete', 'lhn', 'n1', '--wait=false'), /"n1" deleted/)
  t.match(await kubectl('apply', '--server-side', '-f', file), /failed: .*[Ss]erver-side apply/)
  t.match(
    await kubectl(
      'patch',
      'lhn',
      'n1',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/metadata/finalizers"}]',
    ),
    /patched/,
  )
  await eventually(() => seen.split('\n').length >= 5)
  t.match(seen, /^NAME.*\n(n1 .*\n){3}$/, 'listed, being deleted, gone')
  watching.kill()
  t.match(await kubectl('get', 'lhn', 'n1'), /failed: .*nodes\.longhorn\.io "n1" not found/)
})

t.test('kubectl shows the message of a webhook, and waits as long as it asks', { skip }, async (t) => {
  const { api, client } = await started(t)
  const webhook = await FakeWebhook.start(t)
  const { kubectl, manifest } = await kubectlFor(t, api.url)
  t.match(await kubectl('create', '-f', await manifest('registration', registration(webhook))), /created/)
  t.match(await kubectl('get', registrations.plural), /guard-holdfast-dev +1 /)
  await client.create(resources.Node, node('n1'))

  webhook.behaviour = {
    deny: { code: 403, reason: 'Forbidden', message: 'image ubuntu is being cleaned up' },
  }
  const refused = await kubectl('delete', 'lhn', 'n1', '--as', 'jane', '--dry-run=server')
  t.match(
    refused,
    /admission webhook "guard\.holdfast\.dev" denied the request: image ubuntu is being cleaned up/,
  )
  t.match(webhook.asked.at(-1), {
    userInfo: { username: 'jane', groups: ['system:authenticated'] },
    dryRun: true,
  })

  let asked = 0
  webhook.behaviour = () =>
    Promise.resolve(
      ++asked < 3
        ? {
            deny: {
              code: 429,
              reason: 'TooManyRequests',
              message: 'wait',
              details: { retryAfterSeconds: 1 },
            },
          }
        : { allow: true, warnings: ['the last copy is old'] },
    )
  const held = await kubectl(
    'patch',
    'lhn',
    'n1',
    '--type=merge',
    '-p',
    '{"spec":{"evictionRequested":true}}',
  )
  t.match(held, /n1 patched\nWarning: the last copy is old/)
  t.equal(asked, 3, 'a hold is nothing but a pause to the user')
})

t.test('kubectl discovers the resources', { skip }, async (t) => {
  const { api } = await started(t)
  const { kubectl } = await kubectlFor(t, api.url)
  t.match(
    await kubectl('api-resources', '--api-group=longhorn.io'),
    /backingimages +lhbi +longhorn\.io\/v1beta2 +true +BackingImage/,
  )
  t.match(await kubectl('version'), /Server Version: v1\.32/)
  t.match(await kubectl('auth', 'whoami'), /Username +sandbox-admin/)
  t.match(await kubectl('auth', 'can-i', 'delete', 'lhbi'), /^yes/)
})

t.test('kubectl handles built-in kinds as the docs say', { skip }, async (t) => {
  const { api, client } = await started(t)
  const { kubectl, manifest } = await kubectlFor(t, api.url)
  await chartObjects(client)
  t.equal(await kubectl('create', 'namespace', 'storage'), 'namespace/storage created\n')
  t.match(await kubectl('get', 'ns', 'storage'), /^NAME +STATUS +AGE\nstorage +Active/)
  const from = ['--from-literal=a=b', '--from-literal=c=\u00fc']
  t.equal(await kubectl('create', 'configmap', 'm', '-n', 'storage', ...from), 'configmap/m created\n')
  t.equal(
    await kubectl('get', 'cm', 'm', '-n', 'storage', '-o', 'jsonpath={.data}'),
    '{"a":"b","c":"\u00fc"}',
  )
  t.match(await kubectl('create', 'secret', 'generic', 's', '-n', 'storage', ...from), 'secret/s created')
  t.equal(await kubectl('get', 'secret', 's', '-n', 'storage', '-o', 'jsonpath={.data.a}'), 'Yg==')
  const removal = '[{"op":"remove","path":"/data/tls.crt"}]'
  t.match(
    await kubectl('patch', 'secret', 'holdfast-tls', '-n', 'holdfast', '--type', 'json', '-p', removal),
    'patched',
  )
  t.match(
    await kubectl('delete', 'networkpolicies.networking.k8s.io', 'holdfast-backend', '-n', 'longhorn-system'),
    'deleted',
  )
  t.match(await kubectl('get', 'networkpolicies,pods,deployments,crds', '-A'), 'No resources found')

  const ui = longhornUi('longhorn-system')
  t.match(await kubectl('apply', '-f', await manifest('ui', ui)), 'created')
  t.match(
    await kubectl('set', 'env', 'deploy/longhorn-ui', 'LONGHORN_MANAGER_IP=http://elsewhere:1'),
    'updated',
  )
  const env = '{.spec.template.spec.containers[*].env}'
  t.equal(
    await kubectl('get', 'deploy', 'longhorn-ui', '-o', `jsonpath=${env}`),
    '[{"name":"LONGHORN_MANAGER_IP","value":"http://elsewhere:1"}]',
  )
  t.match(
    await kubectl(
      'apply',
      '-f',
      await manifest('ui', { ...ui, spec: { ...(ui.spec as object), replicas: 1 } }),
    ),
    'configured',
  )
  t.equal(await kubectl('get', 'deploy', 'longhorn-ui', '-o', 'jsonpath={.spec.replicas}'), '1')
})
