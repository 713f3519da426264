/** Time from outside, so that a test owns it. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls `fire` once after `ms` milliseconds, unless the function it returns is called before. */
  setTimer(ms: number, fire: () => void): () => void
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

/** A moment as Longhorn writes it: RFC 3339 in UTC, whole seconds. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`
}
