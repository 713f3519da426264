// A replica of the guard in a process of its own, so that its CPU can be told from that of the cluster, and it can be
// killed, stand still, or have a clock that is wrong.
import { configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import { Guard } from '../../src/guard/guard.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { quietly } from './replicas-here.ts'
import { shiftClock } from './shift-clock.ts'

/** What a replica is started with. */
export interface Start {
  readonly server: string
  readonly cert: string
  readonly key: string
  readonly settings?: Settings
  /** By so much its time of day is wrong, in milliseconds. */
  readonly clockOffMs?: number
}

/** What a replica says: where it listens once it has synced, and on `cpu` its CPU time in milliseconds. */
export type Said = { readonly port: number } | { readonly cpuMs: number }

function say(said: Said): void {
  process.send?.(said)
}

process.once('message', ({ server, cert, key, settings, clockOffMs = 0 }: Start) => {
  shiftClock(clockOffMs)
  const guard = new Guard(configure([{ ...quietly, replica: 'one', ...settings }]), {
    connection: connectTo(server),
    tls: { cert, key },
    log: createLog('silent', process.stderr),
    audit: { decided: () => undefined },
  })
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
