// What share of the dangers that no admission could stop still crashes a manager, without the guard's rescue and with it:
// `npm run test:rescue -- 20`. Each danger has a node of its own in the embedded cluster (v1.8.0), whose managers look at
// flags and images every 30 s, as Longhorn's do. Two replicas of the guard run; with `--period 10s` all is quicker, and the
// guard has less time.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { registration } from '../../src/doors/webhook/registration.ts'
import { webhookConfigurations } from '../../src/sandbox/api-server/resources.ts'
import { ApiError } from '../../src/sandbox/cluster-client.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { entries, flag, object } from '../../src/sandbox/json.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { parseDuration } from '../../src/time/duration.ts'
import { systemClock } from '../../src/time/clock.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { Balancer } from '../race/balancer.ts'
import { replicasHere } from '../race/replicas-here.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    period: { type: 'string', default: '30s' },
    release: { type: 'string', default: 'v1.8.0' },
    // Of a process that measures one of them.
    kind: { type: 'string' },
    rescue: { type: 'string' },
  },
})
const dangers = Number(positionals[0] ?? 20)
const periodMs = parseDuration(values.period) ?? 30_000
const { release } = values

/** One way into danger. */
interface Danger {
  readonly what: string
  /** How long the clean-up lasts, in milliseconds. */
  readonly drainMs: number
  /** True if a guard runs all the time; else it comes back after one period. */
  readonly isGuarded: boolean
}

/** What came of the dangers of one kind. */
interface Outcome {
  readonly crashed: number
  /** How long flag and clean-up stood side by side, in milliseconds, sorted. */
  readonly metMs: readonly number[]
}

const kinds: readonly Danger[] = [
  { what: 'status ahead of spec, clean-up of 3 s', drainMs: 3_000, isGuarded: true },
  { what: 'status ahead of spec, clean-up that does not end', drainMs: 3_600_000, isGuarded: true },
  {
    what: `writes while the guard was away for ${values.period}, clean-up that does not end`,
    drainMs: 3_600_000,
    isGuarded: false,
  },
]

async function measure({ drainMs, isGuarded }: Danger, rescue: 'on' | 'off'): Promise<Outcome> {
  const longhorn = { drainMs, monitorMs: periodMs, syncMs: periodMs, restartMs: 1_000 }
  const sandbox = await Sandbox.start({
    ...{ port: 0, release, nodes: dangers, images: dangers, report: () => undefined, longhorn },
  })
  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
  const nodes = sandbox.cluster.nodes
  for (const node of nodes) await flagUp(sandbox, node)
  await spread(sandbox, periodMs)
  const guard = async (): Promise<() => Promise<void>> => {
    const replicas = await replicasHere({ rescue })(sandbox, tls)
    const balancer = await Balancer.start(
      () => replicas.ports[Math.floor(Math.random() * replicas.ports.length)],
    )
    await sandbox.client.create(
      webhookConfigurations,
      registration({
        url: `https://127.0.0.1:${balancer.port}/validate`,
        authorityCert: authority.cert,
        timeoutSeconds: 10,
      }),
    )
    return async () => {
      await replicas.stop()
      await balancer.stop()
    }
  }
  let stop = isGuarded ? await guard() : undefined
  const metMs: number[] = []
  const images = (await sandbox.client.list(resources.BackingImage, namespace)).map(
    ({ metadata }) => metadata.name,
  )
  const all = nodes.map(async (node, index) => {
    const image = images[index] ?? ''
    await wait(Math.random() * periodMs)
    await aheadOfSpec(sandbox, node, image)
    const began = performance.now()
    while (await isMet(sandbox, node, image)) {
      if (performance.now() - began > 1.1 * periodMs) break
      await wait(10)
    }
    metMs.push(performance.now() - began)
  })
  if (!stop) {
    await wait(periodMs)
    stop = await guard()
  }
  await Promise.all(all)
  const crashed = nodes.filter((node) => sandbox.longhorn.crashCount(node) > 0).length
  await stop()
  await sandbox.stop()
  return { crashed, metMs: metMs.toSorted((a, b) => a - b) }
}

/**
 * Starts each manager anew at some time within a while. One that starts knows the flags at once, as in an eviction that has
 * gone on for longer. Its next looks are a period apart.
 */
async function spread({ longhorn, cluster }: Sandbox, withinMs: number): Promise<void> {
  const starts = cluster.nodes.map(async (node) => {
    await wait(Math.random() * withinMs)
    await longhorn.replaceManager(node)
  })
  await Promise.all(starts)
}

const namespace = 'longhorn-system'

async function flagUp({ client }: Sandbox, name: string): Promise<void> {
  const node = await client.get(resources.Node, namespace, name)
  if (!node) throw new Error(`there is no ${name}`)
  const spec = object(node.spec)
  const disks = {
    ...object(spec.disks),
    'disk-2': { ...entries(spec.disks).get('disk-2'), allowScheduling: false, evictionRequested: true },
  }
  await client.update(resources.Node, { ...node, spec: { ...spec, disks } })
}

/** The status of an image says that Longhorn removes a copy from disk-2, which is empty. Longhorn writes status unjudged. */
async function aheadOfSpec({ client, cluster }: Sandbox, node: string, name: string): Promise<void> {
  const uuid = cluster.uuidOf(`${node}/disk-2`)
  for (;;) {
    const image = await client.get(resources.BackingImage, namespace, name)
    if (!image) throw new Error(`there is no image ${name}`)
    const status = object(image.status)
    const [file] = entries(status.diskFileStatusMap).values()
    const diskFileStatusMap = { ...object(status.diskFileStatusMap), [uuid]: file }
    try {
      await client.updateStatus(resources.BackingImage, {
        ...image,
        status: { ...status, diskFileStatusMap },
      })
      return
    } catch (error) {
      if (!(error instanceof ApiError) || error.status.code !== 409) throw error
    }
  }
}

async function isMet({ client, cluster }: Sandbox, name: string, imageName: string): Promise<boolean> {
  const node = await client.get(resources.Node, namespace, name)
  const image = await client.get(resources.BackingImage, namespace, imageName)
  const isUp = flag(entries(object(node?.spec).disks).get('disk-2')?.evictionRequested)
  const files = entries(object(image?.status).diskFileStatusMap)
  return isUp && files.has(cluster.uuidOf(`${name}/disk-2`))
}

/** Measures in a process of its own: a busy cluster beside would take the guard's time. */
async function measureApart(at: number, rescue: 'on' | 'off'): Promise<Outcome> {
  const args = [String(dangers), '--period', values.period, '--release', release]
  const child = fork(import.meta.filename, [...args, '--kind', String(at), '--rescue', rescue], {
    execArgv: process.execArgv,
  })
  const [outcome] = (await once(child, 'message')) as [Outcome]
  return outcome
}

if (values.kind === undefined) {
  const measured = kinds.map(async ({ what }, at) => {
    const [off, on] = await Promise.all([measureApart(at, 'off'), measureApart(at, 'on')])
    return `${what}\n  rescue off: ${shareOf(off)}\n  rescue on:  ${shareOf(on)}`
  })
  for (const text of await Promise.all(measured)) console.log(text)
} else {
  const kind = kinds[Number(values.kind)]
  if (kind) process.send?.(await measure(kind, values.rescue === 'on' ? 'on' : 'off'))
  process.disconnect()
}

function shareOf({ crashed, metMs }: Outcome): string {
  const at = (part: number): string =>
    ((metMs[Math.min(metMs.length - 1, Math.floor(part * metMs.length))] ?? 0) / 1_000).toFixed(2)
  const percent = ((100 * crashed) / dangers).toFixed(0)
  return `${crashed} of ${dangers} managers crashed (${percent} %); flag and clean-up side by side for ${at(0.5)} s (median), ${at(1)} s at most`
}
