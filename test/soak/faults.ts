import { setTimeout as wait } from 'node:timers/promises'
import { ask } from '../e2e/cluster.ts'
import type { Field } from './field.ts'

/** Between two faults, so that pairs meet without one too. */
const calmMs = 6_000
/** For longer, and for less long, than a reservation lasts. */
const pausesMs = [25_000, 6_000] as const
const slowMs = 2_000
/** Another replica lives for so many turns, long enough for its memory to be judged in a long run. */
const turnsOfLife = 6
const secretPath = '/api/v1/namespaces/holdfast/secrets/holdfast-tls'

/** How often each fault has happened. */
export type FaultCounts = ReadonlyMap<string, number>

/** Lets one fault after the other happen until the signal. */
export async function faults(field: Field, signal: AbortSignal): Promise<FaultCounts> {
  const counts = new Map<string, number>()
  const isOver = () => signal.aborted
  for (let turn = 0; !isOver(); turn += 1)
    for (const [name, happen] of Object.entries(kinds)) {
      await pause(calmMs, signal)
      if (isOver()) break
      if ((await happen(field, turn)) === false) continue
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  return counts
}

/** Each resolves once it is over; with `false` if it was not its turn. */
const kinds: Readonly<Record<string, (field: Field, turn: number) => Promise<unknown>>> = {
  'API server restarted': async ({ cluster }, turn) =>
    await cluster.plane.crash(async () => await wait(turn % 2 === 0 ? 300 : 5_000)),
  // The first one stays, so that its memory can be judged over the whole time.
  'replica killed': async (field, turn) => {
    if (turn % turnsOfLife > 0) return false
    const last = field.guards.replicas.at(-1)
    if (last) await field.guards.remove(last, 'SIGKILL')
    await field.addReplica()
    return true
  },
  'Leases slow': async ({ leases }) => {
    leases.slowMs = slowMs
    await wait(10_000)
    leases.slowMs = 0
  },
  'certificate rotated': async ({ cluster, guards }) => {
    const before = guards.replicas.map((replica) => [replica, replica.process.lineCount] as const)
    await ask(cluster, 'PATCH', secretPath, { data: { 'tls.crt': null, 'tls.key': null } })
    await Promise.all(before.map(([replica, from]) => replica.said('a new certificate is served', from)))
  },
  'replica paused': async ({ guards }, turn) => {
    const replica = guards.replicas[turn % guards.replicas.length]
    replica?.process.signal('SIGSTOP')
    await wait(pausesMs[turn % pausesMs.length])
    replica?.process.signal('SIGCONT')
  },
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => undefined)
}
