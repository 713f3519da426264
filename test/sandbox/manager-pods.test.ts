import t, { type Test } from 'tap'
import { pods, resources } from '../../src/sandbox/controllers/resources.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { comesTrue } from '../commands/guarded-cluster.ts'
import { edit } from '../fixtures/edit.ts'

const namespace = 'longhorn-system'
const name = 'longhorn-manager-node-1'

/** An embedded cluster whose clean-ups never end, and that does not try a crashed manager again. */
const cluster = (t: Test): Promise<Sandbox> =>
  embeddedCluster(t, { longhorn: { drainMs: 600_000, restartMs: 600_000, maxRestartMs: 600_000 } })

async function containerOf({ client }: Sandbox): Promise<unknown> {
  const pod = await client.get(pods, namespace, name)
  const { containerStatuses } = Object(pod?.status) as { containerStatuses?: readonly unknown[] }
  return containerStatuses?.[0]
}

async function crash({ client, cluster: { uuidOf }, longhorn }: Sandbox): Promise<void> {
  await edit(client, resources.BackingImage, { namespace, name: 'ubuntu-22.04' }, (image) => {
    const { diskFileSpecMap } = Object(image.spec) as { diskFileSpecMap: Record<string, unknown> }
    const others = Object.fromEntries(
      Object.entries(diskFileSpecMap).filter(([uuid]) => uuid !== uuidOf('node-1/disk-1')),
    )
    return { ...image, spec: { ...Object(image.spec), diskFileSpecMap: others } as object }
  })
  await edit(client, resources.Node, { namespace, name: 'node-1' }, (node) => ({
    ...node,
    spec: { ...Object(node.spec), allowScheduling: false, evictionRequested: true },
  }))
  await comesTrue(() => Promise.resolve(longhorn.crashCount('node-1') > 0))
}

async function log({ api }: Sandbox, pod: string, query: string): Promise<{ code: number; text: string }> {
  const response = await fetch(`${api.url}/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`)
  return { code: response.status, text: await response.text() }
}

t.test('each manager has a pod, which shows its crashes as the kubelet does', async (t) => {
  const sandbox = await cluster(t)
  await comesTrue(async () => (await containerOf(sandbox)) !== undefined)
  t.match(await containerOf(sandbox), { name: 'longhorn-manager', ready: true, restartCount: 0 })
  await crash(sandbox)
  await comesTrue(async () => {
    const { ready } = Object(await containerOf(sandbox)) as { ready: boolean }
    return !ready
  })
  t.match(await containerOf(sandbox), {
    ready: false,
    restartCount: 0,
    state: { waiting: { reason: 'CrashLoopBackOff', message: /^back-off 600s/ } },
    lastState: { terminated: { exitCode: 2, finishedAt: /^\d{4}-/ } },
  })
})

t.test('the previous log of a manager that crashed ends with its panic', async (t) => {
  const sandbox = await cluster(t)
  await comesTrue(async () => (await containerOf(sandbox)) !== undefined)
  const previous = 'container=longhorn-manager&previous=true'
  t.match(await log(sandbox, name, previous), {
    code: 400,
    text: /previous terminated container \\"longhorn-manager\\" in pod \\"longhorn-manager-node-1\\" not found/,
  })
  await crash(sandbox)
  t.match(await log(sandbox, name, previous), {
    code: 200,
    text: /^panic: runtime error: .*\n\ngoroutine \d+ \[running\]:\n.*syncBackingImageEvictionRequested/,
  })
  t.match(await log(sandbox, name, ''), { code: 200, text: /^$/ })
  t.match(await log(sandbox, 'other', previous), { code: 404, text: /pods \\"other\\" not found/ })
})
