import { configure } from '../../src/configuration/configuration.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { Guard } from '../../src/guard/guard.ts'
import { systemClock } from '../../src/kubernetes/clock.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import type { LonghornOptions } from '../../src/sandbox/longhorn/options.ts'
import type { Report } from '../../src/sandbox/longhorn/report.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { registration } from '../../src/webhook/registration.ts'
import { Balancer } from './balancer.ts'

/** An embedded cluster behind two replicas of the guard, and the end of all of it. */
export interface GuardedSandbox {
  readonly sandbox: Sandbox
  readonly stop: () => Promise<void>
}

/** Quick, so that many rounds fit, and slow enough that a manager looks while a clean-up is pending. */
const quick: Partial<LonghornOptions> = {
  ...{ drainMs: 60, copyMs: 5, syncMs: 20, reactMs: 2, restartMs: 20, maxRestartMs: 20 },
  ...{ stepsMs: 2, relistMs: 80, maxRelistMs: 3_000 },
}

/** What a cluster is made with besides its nodes. */
export interface SandboxExtras {
  readonly longhorn?: Partial<LonghornOptions>
  readonly report?: (report: Report) => void
}

/** A cluster that nobody guards yet, with so many nodes, and an image for each. */
export function quickSandbox(nodes: number, extras: SandboxExtras = {}): Promise<Sandbox> {
  const { longhorn, report = () => undefined } = extras
  const options = { port: 0, release: 'v1.8.0', nodes, images: nodes, report }
  return Sandbox.start({ ...options, longhorn: { ...quick, ...longhorn } })
}

/**
 * Starts two replicas in front of a cluster with so many nodes, and an image for each.
 *
 * @param book in place of Leases
 */
export async function guardedSandbox(
  nodes: number,
  book?: ReservationBook,
  extras: SandboxExtras = {},
): Promise<GuardedSandbox> {
  const sandbox = await quickSandbox(nodes, extras)
  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
  const log = createLog('silent', process.stderr)
  const guards: Guard[] = []
  const ports: number[] = []
  for (const replica of ['one', 'two']) {
    const configuration = configure([
      {
        replica,
        host: '127.0.0.1',
        port: 0,
        healthPort: 0,
        operatorPort: 0,
        // What is over is over here: the reading of a moment ago is not what is raced for.
        settle: '0s',
        linger: '0s',
        maxHolds: 1_000,
        auditLog: 'off',
      },
    ])
    const connection = connectTo(sandbox.api.url)
    const audit = { decided: () => undefined }
    const guard = new Guard(configuration, { connection, tls, log, audit, ...(book && { book }) })
    ports.push((await guard.start()).port)
    await guard.whenSynced(new AbortController().signal)
    guards.push(guard)
  }
  const balancer = await Balancer.start(() => ports[Math.floor(Math.random() * ports.length)] ?? 0)
  const url = `https://127.0.0.1:${balancer.port}/validate`
  await sandbox.client.create(
    { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
    registration({ url, authorityCert: authority.cert, timeoutSeconds: 10 }),
  )
  const stop = async (): Promise<void> => {
    await Promise.all(guards.map((guard) => guard.stop()))
    await balancer.stop()
    await sandbox.stop()
  }
  return { sandbox, stop }
}
