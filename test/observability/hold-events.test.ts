import t from 'tap'
import type { HeldChange } from '../../src/gate/held-change.ts'
import type { ObjectEvent } from '../../src/gate/ports.ts'
import { HoldEvents } from '../../src/observability/hold-events.ts'
import { at, held } from './held.ts'

function eventsOf(of: HeldChange, now = 1_000, uid = 'uid-n1'): ObjectEvent[] {
  const events: ObjectEvent[] = []
  const sink = { record: (event: ObjectEvent) => void events.push(event) }
  const holdEvents = new HoldEvents(sink, () => uid, at(now))
  holdEvents.began(of)
  holdEvents.ended(of, 'admitted')
  return events
}

t.test('the beginning and the end of a hold are Events at the object, apart from those of denials', (t) => {
  t.strictSame(eventsOf(held()), [
    {
      kind: 'Node',
      name: 'n1',
      uid: 'uid-n1',
      reason: 'RequestWaits',
      message:
        'evicting d2 of n1 has to wait: backing image ubuntu is still being removed from d1 (for 12s) (asked by ann, webhook). Holdfast answers within 8s. If the request still has to wait then, kubectl retries. (rule eviction-during-cleanup)',
      share: 'ann (waits)',
    },
    {
      kind: 'Node',
      name: 'n1',
      uid: 'uid-n1',
      reason: 'RequestWaited',
      message: 'evicting d2 of n1 waited 1s (asked by ann, webhook). It was admitted.',
      share: 'ann (waits)',
      type: 'Normal',
    },
  ])
  t.end()
})

t.test('a person who clicks in Longhorn’s UI has to try again, since no client does', (t) => {
  const request = { ...held().request, door: 'proxy-longhorn' as const }
  t.match(
    eventsOf(held({ request }))[0]?.message,
    'If the request still has to wait then, ann has to try again. (rule',
  )
  t.end()
})

t.test('other causes are counted', (t) => {
  const [cause] = held().causes
  t.match(
    eventsOf(held({ causes: cause ? [cause, cause] : [], moreCauses: 3 }))[0]?.message,
    '(for 12s) and 4 more (asked',
  )
  t.end()
})

t.test('an object that is stored under another uid gets no Event', (t) => {
  t.strictSame(eventsOf(held(), 1_000, 'another'), [])
  t.end()
})

t.test('no message is longer than the API server takes', (t) => {
  const [event] = eventsOf(held({ doing: 'x'.repeat(2_000) }))
  t.equal(event?.message.length, 1_024)
  t.end()
})
