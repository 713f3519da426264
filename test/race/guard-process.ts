// A replica of the guard in a process of its own, so that its CPU can be told from that of the cluster.
import { configure } from '../../src/configuration/configuration.ts'
import { Guard } from '../../src/guard/guard.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import { createLog } from '../../src/telemetry/log.ts'

/** What a replica is started with. */
export interface Start {
  readonly server: string
  readonly cert: string
  readonly key: string
}

/** What a replica says: where it listens once it has synced, and on `cpu` its CPU time in milliseconds. */
export type Said = { readonly port: number } | { readonly cpuMs: number }

function say(said: Said): void {
  process.send?.(said)
}

process.once('message', ({ server, cert, key }: Start) => {
  const guard = new Guard(
    configure([
      {
        ...{ replica: 'one', host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0 },
        ...{ linger: '0s', auditLog: 'off' },
      },
    ]),
    {
      connection: connectTo(server),
      tls: { cert, key },
      log: createLog('silent', process.stderr),
      audit: { decided: () => undefined },
    },
  )
  void guard.start().then(async ({ port }) => {
    await guard.whenSynced(new AbortController().signal)
    say({ port })
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    say({ cpuMs: (user + system) / 1_000 })
  })
  process.on('disconnect', () => {
    void guard.stop().then(() => process.exit(0))
  })
})
