import { configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import type { Replicas, StartReplicas } from './guarded-sandbox.ts'

/** The names of the replicas in a race. */
export const replicaNames = ['one', 'two'] as const

/** A replica that listens at free ports, writes nothing to the terminal and ends at once. */
export const quietly = {
  ...{ host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0 },
  ...{ linger: '0s', maxHolds: 1_000, auditLog: 'off' },
} as const satisfies Settings

/**
 * Two replicas in this process.
 *
 * @param book in place of Leases
 */
export function replicasHere(settings: Settings, book?: ReservationBook): StartReplicas<Replicas> {
  return async (sandbox, tls) => {
    const guards: Guard[] = []
    const ports: number[] = []
    for (const replica of replicaNames) {
      const guard = new Guard(configure([{ ...quietly, ...settings, replica }]), {
        connection: connectTo(sandbox.api.url),
        tls,
        log: createLog('silent', process.stderr),
        audit: { decided: () => undefined },
        ...(book && { book }),
      })
      ports.push((await guard.start()).port)
      await guard.whenSynced(new AbortController().signal)
      guards.push(guard)
    }
    const stop = async (): Promise<void> => {
      await Promise.all(guards.map((guard) => guard.stop()))
    }
    return { ports, stop }
  }
}
