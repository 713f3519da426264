// A proxy before the Kubernetes API in its own process, so that it can be paused.
import { configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { agentFor, ProxyGuard } from '../../src/server/proxy-server.ts'
import { quietly } from './replicas-here.ts'

/** The settings with which a proxy starts. */
export interface ProxyStart {
  readonly server: string
  readonly settings: Settings
  /** How long the API server may take to answer a forwarded request, in milliseconds. */
  readonly answerMs: number
}

process.once('message', ({ server, settings, answerMs }: ProxyStart) => {
  const upstream = new URL(server)
  const agent = agentFor(upstream)
  const proxy = new ProxyGuard(
    configure([{ ...quietly, ...settings }]),
    {
      ...{ host: '127.0.0.1', port: 0, tls: undefined, drainMs: 0, answerMs },
      ...{ api: 'kubernetes', localOnly: true },
    },
    {
      connection: connectTo(server),
      upstream: { server: upstream, host: undefined, options: () => ({ agent }) },
      log: createLog('silent', process.stderr),
      audit: { decided: () => undefined },
    },
  )
  void proxy.start().then(async ({ port }) => {
    await proxy.whenSynced(new AbortController().signal)
    process.send?.({ port })
  })
  process.on('disconnect', () => {
    void proxy.stop().then(() => process.exit(0))
  })
})
