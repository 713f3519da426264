import t from 'tap'
import type { Verdict } from '../../src/gate/verdict.ts'
import { type Node, parseNode } from '../../src/longhorn/node.ts'
import { DecisionLines } from '../../src/observability/log.ts'
import type { Change } from '../../src/rules/change.ts'
import type { Finding } from '../../src/rules/finding.ts'
import { said } from '../fixtures/said.ts'

const finding: Finding = {
  rule: 'eviction-during-cleanup',
  effect: 'hold',
  subjects: [],
  ...said(),
}
const held: Verdict = { decision: 'hold', objections: [{ ...finding, effect: 'hold' }], warnings: [] }
const refused: Verdict = {
  decision: 'refuse',
  objections: [{ ...finding, rule: 'last-usable-copy', effect: 'refuse' }],
  warnings: [],
}
const admitted: Verdict = { decision: 'allow', warnings: [] }
const warned: Verdict = {
  decision: 'allow',
  warnings: [{ ...finding, rule: 'lingering-eviction', effect: 'warn' }],
}
const unavailable: Verdict = { decision: 'unavailable', why: 'disk-map-too-old', warnings: [] }

function node(evictionRequested: boolean): Node {
  const parsed = parseNode({ metadata: { name: 'n1' }, spec: { evictionRequested } })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

function change(before: boolean, after: boolean, dryRun = false): Change {
  return {
    kind: 'Node',
    operation: 'UPDATE',
    before: node(before),
    after: node(after),
    request: { uid: 'u', actor: { username: 'ann', groups: [] }, dryRun, door: 'webhook' },
  }
}

const atOnce = { heldMs: 0 }

/** Decision lines that go into `lines`, and their clock. */
function listening() {
  const lines: string[] = []
  const time = { ms: Date.UTC(2026, 0, 1, 12, 30, 15) }
  const write = (line: string) => void lines.push(line)
  return { lines, time, decisions: new DecisionLines(write, { now: () => time.ms }) }
}

const cases: readonly (readonly [string, Change, Verdict, string])[] = [
  ['a hold', change(false, true), held, 'held back: UPDATE of Node n1 by ann, by eviction-during-cleanup'],
  ['a refusal', change(false, true), refused, 'refused: UPDATE of Node n1 by ann, by last-usable-copy'],
  ['an admission', change(false, true), admitted, 'admitted: UPDATE of Node n1 by ann'],
  [
    'a warning',
    change(true, false),
    warned,
    'admitted: UPDATE of Node n1 by ann, warned by lingering-eviction',
  ],
  [
    'what passes by the mark of the uninstaller',
    change(true, false),
    { decision: 'allow', warnings: [], mark: 'uninstalling' },
    'admitted: UPDATE of Node n1 by ann, since the uninstaller of Longhorn has marked it',
  ],
  [
    'what cannot be judged',
    change(false, true),
    unavailable,
    'cannot be judged: UPDATE of Node n1 by ann: disk-map-too-old',
  ],
  [
    'a dry run',
    change(false, true, true),
    held,
    'held back: UPDATE of Node n1 by ann (dry run), by eviction-during-cleanup',
  ],
]

for (const [what, of, verdict, line] of cases) {
  t.test(`${what} is one line, with the time`, (t) => {
    const { lines, decisions } = listening()
    decisions.decided(of, verdict, atOnce)
    t.strictSame(lines, [`12:30:15 ${line}`])
    t.end()
  })
}

t.test('a harmless change without findings has no line', (t) => {
  const { lines, decisions } = listening()
  decisions.decided(change(true, false), admitted, atOnce)
  t.strictSame(lines, [])
  t.end()
})

t.test('the line of an admission has its wait', (t) => {
  const { lines, decisions } = listening()
  decisions.decided(change(false, true), admitted, { heldMs: 6_900 })
  decisions.decided(change(false, true), held, { heldMs: 9_000 })
  t.strictSame(lines, [
    '12:30:15 admitted: UPDATE of Node n1 by ann, held back for 7 s first',
    '12:30:15 held back: UPDATE of Node n1 by ann, by eviction-during-cleanup',
  ])
  t.end()
})

t.test('a line says the change in words where there are some', (t) => {
  const lines: string[] = []
  for (const words of ['evicting n1', '']) {
    const write = (line: string) => void lines.push(line)
    new DecisionLines(write, { now: () => 0 }, () => words).decided(change(false, true), held, atOnce)
  }
  t.strictSame(lines, [
    '00:00:00 held back: evicting n1 by ann, by eviction-during-cleanup',
    '00:00:00 held back: UPDATE of Node n1 by ann, by eviction-during-cleanup',
  ])
  t.end()
})

t.test('a line is shown again after ten seconds, with its count', (t) => {
  const { lines, decisions, time } = listening()
  for (let times = 0; times < 5; times++) decisions.decided(change(false, true), held, atOnce)
  t.equal(lines.length, 1)
  time.ms += 10_000
  decisions.decided(change(false, true), held, atOnce)
  t.match(lines[1], /eviction-during-cleanup, 4 times more since the last line$/)
  t.end()
})
