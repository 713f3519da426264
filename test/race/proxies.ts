import { configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { agreeOnNamespace } from '../../src/server/guard-namespace.ts'
import { agentFor, ProxyGuard, type ProxyOf } from '../../src/server/proxy-server.ts'
import { quietly } from './replicas-here.ts'

/** A proxy before each of a cluster's two APIs, and the end of both. */
export interface Proxies {
  /** Where each is to be asked. */
  readonly longhorn: string
  readonly kubernetes: string
  /** Where each keeps its Leases. */
  readonly namespaces: readonly string[]
  readonly stop: () => Promise<void>
}

/** How the proxies of a race differ from others. */
export interface ProxiesOptions {
  readonly settings?: Settings
  /** How long an API may take to answer, in milliseconds: so much longer a reservation lasts. */
  readonly answerMs?: number
  /** In place of Leases. */
  readonly book?: ReservationBook | undefined
}

/** Starts them as two people would, each of whom has a kubeconfig with another namespace. */
export async function proxiesOf(sandbox: Sandbox, options: ProxiesOptions = {}): Promise<Proxies> {
  const rest = { of: { api: 'longhorn', userHeader: undefined }, upstream: sandbox.rest.url } as const
  const api = { of: { api: 'kubernetes', localOnly: true }, upstream: sandbox.api.url } as const
  const longhorn = await proxyOf(sandbox, { ...rest, context: 'team-a' }, options)
  const kubernetes = await proxyOf(sandbox, { ...api, context: 'team-b' }, options)
  const stop = async (): Promise<void> => {
    await Promise.all([longhorn.stop(), kubernetes.stop()])
  }
  const namespaces = [longhorn.namespace, kubernetes.namespace]
  return { longhorn: longhorn.url, kubernetes: kubernetes.url, namespaces, stop }
}

/** The API of one proxy, and the namespace of its user. */
interface Standing {
  readonly of: ProxyOf
  /** URL of the API. */
  readonly upstream: string
  /** The namespace of the kubeconfig's context. */
  readonly context: string
}

async function proxyOf(
  sandbox: Sandbox,
  { of, upstream, context }: Standing,
  { settings, book, answerMs }: ProxiesOptions,
) {
  const server = new URL(upstream)
  const agent = agentFor(server)
  const connection = connectTo(sandbox.api.url, { namespace: context })
  const configuration = configure([
    { ...quietly, settle: '0s', hold: '1s', ...settings, replica: `proxy-${of.api}` },
  ])
  const { namespace } = await agreeOnNamespace(configuration, connection, new AbortController().signal)
  const proxy = new ProxyGuard(
    { ...configuration, namespace },
    {
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
      drainMs: 0,
      ...(answerMs !== undefined && { answerMs }),
      ...of,
    },
    {
      connection,
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
  return { url: `http://127.0.0.1:${port}`, namespace, stop }
}
