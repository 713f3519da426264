import type { TimeOfDay } from '../time/clock.ts'

/** Certificates are valid from a little before they are made: not every machine's clock is right. */
const backdatedMs = 5 * 60_000

/**
 * From when to when a certificate made now is valid. X.509 counts whole seconds.
 *
 * @param notAfterLimit nothing outlives who signed it
 */
export function validity(clock: TimeOfDay, lifetimeMs: number, notAfterLimit?: Date) {
  const now = Math.floor(clock.now() / 1_000) * 1_000
  const notAfter = Math.min(now + lifetimeMs, notAfterLimit?.getTime() ?? Infinity)
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(notAfter) }
}
