import type { Test } from 'tap'
import { configure } from '../../../src/configuration/configuration.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { createLog } from '../../../src/observability/log.ts'
import type { LonghornOptions } from '../../../src/sandbox/controllers/options.ts'
import { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { agentFor, ProxyGuard, type ProxyOf } from '../../../src/server/proxy-server.ts'
import { record } from '../../fixtures/decisions.ts'

/** The options of a test's cluster and proxy. */
export interface Setup {
  readonly release?: string
  readonly longhorn?: Partial<LonghornOptions>
  readonly hold?: string
}

/** For Longhorn’s controllers: they look once and then do nothing. */
export const idle = { reactMs: 600_000, syncMs: 600_000 }

/** An embedded cluster whose clean-ups do not end, and a proxy before one of its APIs. */
export async function sandboxed(
  t: Test,
  of: ProxyOf,
  { release = 'v1.8.0', longhorn = { drainMs: 600_000 }, hold = '0s' }: Setup = {},
) {
  const options = { port: 0, release, nodes: 3, images: 2, longhorn, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  t.teardown(() => sandbox.stop())
  const server = new URL(of.api === 'longhorn' ? sandbox.rest.url : sandbox.api.url)
  const agent = agentFor(server)
  const { audit, decided } = record()
  const host = of.api === 'longhorn' ? undefined : server.host
  const proxy = new ProxyGuard(
    configure([{ hold, healthPort: 0, operatorPort: 0, host: '127.0.0.1', auditLog: 'off', settle: '0s' }]),
    { host: '127.0.0.1', port: 0, tls: undefined, drainMs: 0, ...of },
    {
      connection: connectTo(sandbox.api.url),
      upstream: { server, host, options: () => ({ agent }) },
      log: createLog('silent', process.stderr),
      audit,
    },
  )
  const { port } = await proxy.start()
  t.teardown(async () => {
    agent.destroy()
    await proxy.stop()
  })
  await proxy.whenSynced(new AbortController().signal)
  return { sandbox, decided, port, url: `http://127.0.0.1:${port}` }
}
