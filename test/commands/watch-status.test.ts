import t from 'tap'
import { watchStatus } from '../../src/commands/watch-status.ts'
import { observe } from '../../src/status/observe.ts'
import { cluster, noon } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'

/** Watches a cluster of one node until so much was shown. */
async function shown(screens: number, isTTY: boolean, ageMs = 0): Promise<string[]> {
  const world = cluster('v1.8.0')
    .node('n', [disk('d')])
    .image('i', [ready('d')])
  const ended = new AbortController()
  const written: string[] = []
  const listeners = new Set<() => void>()
  const subscribe = (listener: () => void) => {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }
  const screen = {
    isTTY,
    write: (text: string) => {
      written.push(text)
      for (const listener of listeners) listener()
      if (written.length === screens) ended.abort(new Error('enough'))
    },
  }
  const watchingSince = noon
  const look = () =>
    observe({ map: world.map, pages: [], guard: undefined, now: noon, watchingSince, only: new Set() })
  const live = { subscribe, ageMs: () => ageMs }
  const guard = { replicas: undefined, refresh: () => Promise.resolve() }
  const text = () => 'status\n'
  await watchStatus({ look, text, live, book: { subscribe }, guard, screen }, ended.signal)
  t.equal(listeners.size, 0, 'it listens no longer')
  return written
}

t.test('a terminal shows the newest alone, again and again', async (t) => {
  t.strictSame(await shown(2, true), ['\u001b[H\u001b[2Jstatus\n', '\u001b[H\u001b[2Jstatus\n'])
})

t.test('a terminal says when nothing is heard of the cluster any more', async (t) => {
  t.match(await shown(1, true, 180_000), [/status\n\nNothing was heard of the cluster for 3m\.\n$/])
})
