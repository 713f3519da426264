import t from 'tap'
import type { ObjectEvent } from '../../src/gate/ports.ts'
import type { Verdict } from '../../src/gate/verdict.ts'
import { DecisionEvents } from '../../src/observability/decision-events.ts'
import type { Change } from '../../src/rules/change.ts'
import { cluster, request } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'

const finding = {
  rule: 'cleanup-during-eviction',
  effect: 'hold',
  subjects: [
    { node: 'n1', disk: 'd1' },
    { node: 'n1', disk: 'd2' },
    { node: 'gone', disk: 'd3' },
  ],
  doing: 'removing the copy of ubuntu on d1 of n1',
  found: 'an eviction is requested on n1',
  why: 'Longhorn crashes.',
  next: 'Wait until the flag is down.',
  look: ['kubectl get nodes'],
} as const
const held: Verdict = { decision: 'hold', objections: [finding], warnings: [] }
const world = cluster('v1.8.0')
  .node('n1', [disk('d1')])
  .image('ubuntu', [ready('d1')])
const change = world.cleanUp('ubuntu', ['d1'])

function eventsOf(verdict: Verdict, dryRun = false, of: Change = change): ObjectEvent[] {
  const events: ObjectEvent[] = []
  const sink = { record: (event: ObjectEvent) => void events.push(event) }
  const asked = { ...of, request: request({ dryRun }) }
  new DecisionEvents(sink, (kind, name) => world.map.object(kind, name)?.metadata.uid).decided(asked, verdict)
  return events
}

t.test('a hold is an Event at the object, and the end of an eviction also at its node', (t) => {
  const [atImage, ...others] = eventsOf(held)
  t.strictSame(atImage, {
    kind: 'BackingImage',
    name: 'ubuntu',
    uid: 'uid-ubuntu',
    reason: 'CleanupDuringEviction',
    share: 'ann',
    message:
      'removing the copy of ubuntu on d1 of n1 has to wait: an eviction is requested on n1 (asked by ann). Longhorn crashes. Wait until the flag is down. Look: kubectl get nodes (rule cleanup-during-eviction)',
  })
  t.match(others, [{ kind: 'Node', name: 'n1', uid: 'uid-n1', reason: 'CleanupDuringEviction' }])
  t.equal(others.length, 1, 'node n1 gets one Event, and the node that is gone gets none')
  t.end()
})

t.test('a denial that is given again counts up the same Events', (t) => {
  const events: ObjectEvent[] = []
  const sink = { record: (event: ObjectEvent) => void events.push(event) }
  const listener = new DecisionEvents(sink, (kind, name) => world.map.object(kind, name)?.metadata.uid)
  listener.decided(change, held)
  const first = events.splice(0)
  t.equal(first.length, 2)
  listener.decided(change, held, { isRepeated: true })
  t.strictSame(events, first)
  t.end()
})

t.test('findings of other rules are Events at the object alone, warnings too', (t) => {
  const warned: Verdict = {
    decision: 'allow',
    warnings: [{ ...finding, rule: 'below-min-copies', effect: 'warn' }],
  }
  t.match(eventsOf(warned), [
    { kind: 'BackingImage', reason: 'BelowMinCopies', message: / n1: an eviction .*\(asked by/ },
  ])
  t.equal(eventsOf(warned).length, 1)
  t.end()
})

t.test('an object that is not stored, or has another uid, gets no Event', (t) => {
  const invented = cluster()
    .image('invented', [ready('d1')])
    .cleanUp('invented', ['d1'])
  t.strictSame(eventsOf(held, false, invented), [])
  const other = cluster()
    .image('ubuntu', [ready('d1')], { metadata: { uid: 'another' } })
    .cleanUp('ubuntu', ['d1'])
  t.strictSame(eventsOf(held, false, other), [])
  t.end()
})

t.test('all that is to be created shares the room of one user', (t) => {
  const refused: Verdict = {
    decision: 'refuse',
    objections: [{ ...finding, effect: 'refuse' }],
    warnings: [],
  }
  t.match(eventsOf(refused, false, world.place('new', 'd1'))[0], { name: 'new', share: '(creates)' })
  t.end()
})

t.test('many findings of one rule are one Event', (t) => {
  const many: Verdict = { decision: 'hold', objections: [finding, finding, finding], warnings: [] }
  t.equal(eventsOf(many).length, 2, 'the image and the node get one Event each')
  t.end()
})

t.test('a dry run, or an allowed change, gets no Event', (t) => {
  t.strictSame(eventsOf(held, true), [])
  t.strictSame(eventsOf({ decision: 'allow', warnings: [] }), [])
  t.end()
})
