import { setImmediate } from 'node:timers/promises'

/** Lets everything that is under way come to rest, or nearly: loopback answers take a few turns of the event loop. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate()
}

/** Waits until something is true. @throws after 5 s, saying what did not come true */
export async function eventually(condition: () => boolean, what = condition.toString()): Promise<void> {
  const started = performance.now()
  while (!condition()) {
    if (performance.now() - started > 5_000) throw new Error(`did not come true: ${what}`)
    await setImmediate()
  }
}
