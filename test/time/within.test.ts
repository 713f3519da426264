import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { within } from '../../src/time/clock.ts'
import { hangMs } from '../fixtures/limits.ts'

/** Collects garbage now. */
function collect(): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
}

async function ends(signal: AbortSignal): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const hung = setTimeout(() => reject(new Error('it never ends')), hangMs)
    signal.addEventListener('abort', () => {
      clearTimeout(hung)
      resolve(signal.reason)
    })
  })
}

t.test('a limit is kept although garbage is collected meanwhile', async (t) => {
  const ended = ends(within(20, new AbortController().signal))
  // Not in the same turn, or all of it would still be on the stack.
  setImmediate(collect)
  t.match(await ended, { name: 'TimeoutError', message: 'there was no answer within 0.02 s' })
})

t.test('a limit ends with the signal that it is for, and with its reason', async (t) => {
  const ending = new AbortController()
  const ended = ends(within(hangMs, ending.signal))
  const reason = new Error('enough')
  ending.abort(reason)
  t.equal(await ended, reason)
  t.equal(within(1, ending.signal).reason, reason)
})
