import { readFileSync } from 'node:fs'

/** How the main thread of a process fared so far, in milliseconds. */
export interface Scheduled {
  readonly ranMs: number
  /** How long it had something to do, and no processor to do it on. */
  readonly waitedMs: number
}

/** All 0 where the kernel does not say, or the process has ended. */
export function scheduledOf(pid: number): Scheduled {
  try {
    const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')
      .split(' ')
      .map(Number)
    return { ranMs: ran / 1e6, waitedMs: waited / 1e6 }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    return { ranMs: 0, waitedMs: 0 }
  }
}

/** How many times slower it was than with a free processor: at least 1. */
export function slowdown(before: Scheduled, after: Scheduled): number {
  const ranMs = after.ranMs - before.ranMs
  return ranMs > 0 ? 1 + Math.max(0, after.waitedMs - before.waitedMs) / ranMs : 1
}
