// A replica of the guard in its own process, so that its CPU can be measured apart from the cluster's, and it can be
// killed, paused, or have a clock that is wrong.
import { type Configuration, configure } from '../../src/configuration/configuration.ts'
import type { Settings } from '../../src/configuration/settings.ts'
import { defaultRepeatLimits } from '../../src/doors/webhook/repeated-refusals.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { LeaseBook } from '../../src/kubernetes/leases/reservation-book.ts'
import { createLog } from '../../src/observability/log.ts'
import { defaultNamespace } from '../../src/server/guard-namespace.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { systemClock } from '../../src/time/clock.ts'
import { byTimeOfDay } from '../model/sabotage.ts'
import { quietly } from './replicas-here.ts'
import { shiftClock } from './shift-clock.ts'

/** The settings with which a replica starts. */
export interface Start {
  readonly server: string
  readonly cert: string
  readonly key: string
  readonly settings?: Settings
  /** By so much its time of day is wrong, in milliseconds. */
  readonly clockOffMs?: number
  /** Weakened: reservations end at their deadline by that time of day. */
  readonly byTimeOfDay?: boolean
  /** False: a refusal that is repeated is answered as soon as the first. */
  readonly putsOff?: boolean
}

/** The messages of a replica: its port once it has synced, and on `cpu` its CPU time in milliseconds. */
export type Said = { readonly port: number } | { readonly cpuMs: number }

function say(said: Said): void {
  process.send?.(said)
}

/** A book as every replica has one, but for when reservations end in it. */
function weakBook({ replica }: Configuration, server: string): ReservationBook {
  const leases = new LeaseBook({
    connection: connectTo(server),
    namespace: defaultNamespace,
    replica,
    clock: systemClock,
    onProblem: () => undefined,
  })
  return byTimeOfDay(leases, systemClock)
}

process.once(
  'message',
  ({ server, cert, key, settings, clockOffMs = 0, putsOff = true, ...start }: Start) => {
    shiftClock(clockOffMs)
    const configuration = configure([{ ...quietly, replica: 'one', ...settings }])
    const guard = new Guard(configuration, {
      connection: connectTo(server),
      tls: { cert, key },
      log: createLog('silent', process.stderr),
      audit: { decided: () => undefined },
      ...(start.byTimeOfDay === true && { book: weakBook(configuration, server) }),
      ...(!putsOff && { repeats: { ...defaultRepeatLimits, firstMs: 0 } }),
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
  },
)
