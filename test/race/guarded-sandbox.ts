import { registration } from '../../src/doors/webhook/registration.ts'
import type { LonghornOptions } from '../../src/sandbox/controllers/options.ts'
import type { Report } from '../../src/sandbox/controllers/report.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { systemClock } from '../../src/time/clock.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import type { ServingCertificate } from '../../src/tls/stored.ts'
import { Balancer } from './balancer.ts'

/** Replicas of a guard, wherever they run. */
export interface Replicas {
  /** Where those listen that can be reached now. */
  readonly ports: readonly number[]
  readonly stop: () => Promise<void>
}

/** Starts replicas in front of a cluster. */
export type StartReplicas<R extends Replicas> = (sandbox: Sandbox, tls: ServingCertificate) => Promise<R>

/** An embedded cluster behind replicas of the guard, and the end of all of it. */
export interface GuardedSandbox<R extends Replicas> {
  readonly sandbox: Sandbox
  readonly replicas: R
  readonly stop: () => Promise<void>
}

/** The longest back-off of a manager's caches before they list again, jitter apart, in milliseconds. */
export const maxRelistMs = 3_000

/** Quick, so that many rounds fit, and slow enough that a manager looks while a clean-up is pending. */
const quick: Partial<LonghornOptions> = {
  ...{ drainMs: 60, copyMs: 5, syncMs: 20, reactMs: 2, restartMs: 20, maxRestartMs: 20 },
  ...{ stepsMs: 2, relistMs: 80, maxRelistMs },
}

/** The options of a cluster besides its nodes. */
export interface SandboxExtras {
  /** How far each cache of a manager may lag, in milliseconds. */
  readonly informerLagMs?: number
  /** From the removal of a copy's key to the end of its clean-up, in milliseconds. */
  readonly drainMs?: number
  readonly report?: (report: Report) => void
}

/** A cluster without a guard, with so many nodes, and an image for each. */
export function quickSandbox(nodes: number, extras: SandboxExtras = {}): Promise<Sandbox> {
  const { informerLagMs = 0, drainMs, report = () => undefined } = extras
  const options = { port: 0, release: 'v1.8.0', nodes, images: nodes, report }
  // Fewer syncs save CPU: managers that lag see changes late anyhow, and such a cluster has many nodes.
  const slower = informerLagMs > 0 && { syncMs: 200 }
  return Sandbox.start({
    ...options,
    longhorn: { ...quick, ...slower, ...(drainMs !== undefined && { drainMs }), informerLagMs },
  })
}

/** Starts replicas in front of a cluster with so many nodes, and an image for each. */
export async function guardedSandbox<R extends Replicas>(
  nodes: number,
  start: StartReplicas<R>,
  extras: SandboxExtras = {},
): Promise<GuardedSandbox<R>> {
  const sandbox = await quickSandbox(nodes, extras)
  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
  const replicas = await start(sandbox, tls)
  const balancer = await Balancer.start(() => {
    const { ports } = replicas
    return ports[Math.floor(Math.random() * ports.length)]
  })
  const url = `https://127.0.0.1:${balancer.port}/validate`
  await sandbox.client.create(
    { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
    registration({ url, authorityCert: authority.cert, timeoutSeconds: 10 }),
  )
  const stop = async (): Promise<void> => {
    await replicas.stop()
    await balancer.stop()
    await sandbox.stop()
  }
  return { sandbox, replicas, stop }
}
