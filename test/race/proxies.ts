import { configure } from '../../src/configuration/configuration.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { agentFor, ProxyGuard, type ProxyOf } from '../../src/guard/proxy-guard.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { createLog } from '../../src/telemetry/log.ts'

/** A proxy before each of a cluster's two APIs, and the end of both. */
export interface Proxies {
  /** Where each is to be asked. */
  readonly longhorn: string
  readonly kubernetes: string
  readonly stop: () => Promise<void>
}

/** @param book in place of Leases */
export async function proxiesOf(sandbox: Sandbox, book?: ReservationBook): Promise<Proxies> {
  const longhorn = await proxyOf(sandbox, { api: 'longhorn', userHeader: undefined }, sandbox.rest.url, book)
  const kubernetes = await proxyOf(sandbox, { api: 'kubernetes', localOnly: true }, sandbox.api.url, book)
  const stop = async (): Promise<void> => {
    await Promise.all([longhorn.stop(), kubernetes.stop()])
  }
  return { longhorn: longhorn.url, kubernetes: kubernetes.url, stop }
}

async function proxyOf(sandbox: Sandbox, of: ProxyOf, upstreamUrl: string, book?: ReservationBook) {
  const server = new URL(upstreamUrl)
  const agent = agentFor(server)
  const settings = { hold: '1s', maxHolds: 1_000, auditLog: 'off' } as const
  const ports = { host: '127.0.0.1', healthPort: 0, operatorPort: 0 }
  const proxy = new ProxyGuard(
    configure([{ ...ports, settle: '0s', ...settings, replica: `proxy-${of.api}` }]),
    { host: '127.0.0.1', port: 0, tls: undefined, drainMs: 0, ...of },
    {
      connection: connectTo(sandbox.api.url),
      upstream: { server, host: undefined, options: () => ({ agent }) },
      log: createLog('silent', process.stderr),
      audit: { decided: () => undefined },
      ...(book && { book }),
    },
  )
  const { port } = await proxy.start()
  await proxy.whenSynced(new AbortController().signal)
  const stop = async (): Promise<void> => {
    await proxy.stop()
    agent.destroy()
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}
