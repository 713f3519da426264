import t from 'tap'
import type { ObjectEvent } from '../../src/gate/ports.ts'
import type { Verdict } from '../../src/gate/verdict.ts'
import { DecisionEvents } from '../../src/telemetry/decision-events.ts'
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
  message: 'the copy is on an evicted node',
  clears: 'passes once the flag is down',
} as const
const held: Verdict = { decision: 'hold', objections: [finding], warnings: [] }
const world = cluster('v1.8.0')
  .node('n1', [disk('d1')])
  .image('ubuntu', [ready('d1')])
const change = world.cleanUp('ubuntu', ['d1'])

function told(verdict: Verdict, dryRun = false): ObjectEvent[] {
  const events: ObjectEvent[] = []
  const sink = { record: (event: ObjectEvent) => void events.push(event) }
  const asked = { ...change, request: request({ dryRun }) }
  new DecisionEvents(sink, (name) => world.map.node(name)?.metadata.uid).decided(asked, verdict)
  return events
}

t.test('what is held is told at the object, and the end of an eviction at its node too', (t) => {
  const [atImage, ...others] = told(held)
  t.strictSame(atImage, {
    kind: 'BackingImage',
    name: 'ubuntu',
    uid: 'uid-ubuntu',
    reason: 'CleanupDuringEviction',
    message:
      'Held back (asked by ann): the copy is on an evicted node. What clears it: passes once the flag is down',
  })
  t.match(others, [{ kind: 'Node', name: 'n1', uid: 'uid-n1', reason: 'CleanupDuringEviction' }])
  t.equal(others.length, 1, 'once, and not at a node that is gone')
  t.end()
})

t.test('other rules are told at the object alone, warnings too', (t) => {
  const warned: Verdict = {
    decision: 'allow',
    warnings: [{ ...finding, rule: 'below-min-copies', effect: 'warn' }],
  }
  t.match(told(warned), [{ kind: 'BackingImage', reason: 'BelowMinCopies', message: /^Warned \(asked by/ }])
  t.equal(told(warned).length, 1)
  t.end()
})

t.test('nothing is told of a dry run, or of what passes', (t) => {
  t.strictSame(told(held, true), [])
  t.strictSame(told({ decision: 'allow', warnings: [] }), [])
  t.end()
})
