import { setTimeout as wait } from 'node:timers/promises'

/** What has not come true after this, in milliseconds, does not. */
const withinMs = 60_000
/** Between two questions: whoever is waited for needs the processor too. */
const pauseMs = 20

/**
 * Asks until the answer is as wanted: a write takes effect for others a while after its answer, and nobody says when.
 *
 * @returns the last answer, wanted or not
 */
export async function askUntil<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (isWanted(answer) || performance.now() > until) return answer
    await wait(pauseMs)
  }
}
