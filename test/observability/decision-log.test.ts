import { defaultPolicy } from '../../src/rules/policy.ts'
import t from 'tap'
import type { Verdict } from '../../src/gate/verdict.ts'
import { type Node, parseNode } from '../../src/longhorn/node.ts'
import { createLog, DecisionLog, Throttle } from '../../src/observability/log.ts'
import type { Change } from '../../src/rules/change.ts'
import type { Finding } from '../../src/rules/finding.ts'
import { longhornAccount } from '../fixtures/cluster.ts'
import { said } from '../fixtures/said.ts'

const finding: Finding = {
  rule: 'eviction-during-cleanup',
  effect: 'hold',
  subjects: [{ node: 'n1', disk: 'd1', diskUUID: 'u1', image: 'ubuntu' }],
  ...said(),
}
const held: Verdict = { decision: 'hold', objections: [{ ...finding, effect: 'hold' }], warnings: [] }
const allowed: Verdict = { decision: 'allow', warnings: [] }

const instant = { totalMs: 1, heldMs: 0 }

function node(evictionRequested: boolean): Node {
  const parsed = parseNode({ metadata: { name: 'n1' }, spec: { evictionRequested } })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

function change(before: boolean, after: boolean, username = 'ann'): Change {
  return {
    kind: 'Node',
    operation: 'UPDATE',
    before: node(before),
    after: node(after),
    request: { uid: 'u', actor: { username, groups: [] }, dryRun: false, door: 'webhook' },
  }
}

/** A decision log that writes into `lines`, and its clock. */
function logged(level = 'info') {
  const lines: Record<string, unknown>[] = []
  const time = { ms: 0 }
  const write = (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>)
  return {
    lines,
    time,
    log: new DecisionLog(
      createLog(level, { write }),
      { monotonic: () => time.ms },
      { policy: defaultPolicy },
    ),
  }
}

t.test('a deletion with the mark of the uninstaller is logged, though it is not judged', (t) => {
  const { lines, log } = logged()
  log.decided(change(true, false), { ...allowed, mark: 'uninstalling' }, instant)
  t.match(lines, [{ level: 30, msg: 'change admitted', user: 'ann', name: 'n1', mark: 'uninstalling' }])
  t.end()
})

t.test('what Longhorn’s account gets for a hold is logged as a denial', (t) => {
  const { lines, log } = logged()
  log.decided(change(false, true, longhornAccount.username), held, instant)
  t.match(lines, [{ msg: 'change refused', decision: 'refuse', rules: ['eviction-during-cleanup'] }])
  t.end()
})

t.test('a hold is logged with user, change, rule and objects', (t) => {
  const { lines, log } = logged()
  log.decided(change(false, true), held, { totalMs: 5_003, heldMs: 5_000 })
  t.match(lines, [
    {
      level: 40,
      msg: 'change held back',
      uid: 'u',
      door: 'webhook',
      user: 'ann',
      kind: 'Node',
      name: 'n1',
      operation: 'UPDATE',
      dryRun: false,
      decision: 'hold',
      rules: ['eviction-during-cleanup'],
      subjects: finding.subjects,
      decisionMs: 3,
      heldMs: 5_000,
    },
  ])
  t.end()
})

t.test('an admitted arming change is logged, any other only at debug', (t) => {
  const info = logged()
  info.log.decided(change(false, true), allowed, instant)
  info.log.decided(change(true, false), allowed, instant)
  t.match(info.lines, [{ msg: 'change admitted' }])
  t.equal(info.lines.length, 1)
  const debug = logged('debug')
  debug.log.decided(change(true, false), allowed, instant)
  t.match(debug.lines, [{ level: 20, msg: 'change admitted' }])
  t.end()
})

t.test('an unjudged change is an error with its reason', (t) => {
  const { lines, log } = logged()
  log.decided(
    change(false, true),
    { decision: 'unavailable', why: 'disk-map-too-old', warnings: [] },
    instant,
  )
  t.match(lines, [{ level: 50, why: 'disk-map-too-old', msg: 'change cannot be judged' }])
  t.end()
})

t.test('identical refusals are shown once in ten seconds, with their number', (t) => {
  const { lines, log, time } = logged()
  for (time.ms = 0; time.ms < 10_000; time.ms += 20) log.decided(change(false, true), held, instant)
  t.equal(lines.length, 1)
  log.decided(change(false, true), held, instant)
  t.match(lines, [{}, { repeated: 499 }])
  log.decided(change(false, true, 'bob'), held, instant)
  t.equal(lines.length, 3, 'a denial of another user is logged at once')
  t.end()
})

t.test('the number of remembered ones is limited', (t) => {
  const throttle = new Throttle(10_000, 2)
  t.strictSame(throttle.see('a', 0), { passes: true, repeated: 0 })
  t.strictSame(throttle.see('b', 0), { passes: true, repeated: 0 })
  t.strictSame(throttle.see('a', 0), { passes: false })
  t.strictSame(throttle.see('c', 0), { passes: true, repeated: 0 })
  t.strictSame(throttle.see('a', 0), { passes: false }, 'a key that is seen again is kept')
  t.strictSame(
    throttle.see('b', 0),
    { passes: true, repeated: 0 },
    'the key that was unseen for the longest time is forgotten',
  )
  t.end()
})
