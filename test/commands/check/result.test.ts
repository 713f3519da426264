import t from 'tap'
import { junit } from '../../../src/commands/check/junit.ts'
import { type CheckResult, exitCodeOf } from '../../../src/commands/check/result.ts'

const result = (outcome: CheckResult['outcome'], parts: Partial<CheckResult> = {}): CheckResult => ({
  source: 'a.yaml:1',
  what: 'UPDATE of Node n1',
  outcome,
  rules: [],
  warnings: [],
  doubts: [],
  ...parts,
})

t.test('the exit code is that of the worst result', (t) => {
  t.equal(exitCodeOf([result('admitted'), result('not-judged')], true), 0)
  t.equal(exitCodeOf([result('admitted'), result('held')], true), 1)
  t.equal(exitCodeOf([result('refused')], true), 1)
  t.equal(exitCodeOf([result('refused'), result('unusable')], true), 2)
  const doubtful = result('admitted', { doubts: ['unknown field "spec.x"'] })
  t.strictSame([exitCodeOf([doubtful], true), exitCodeOf([doubtful], false)], [1, 0])
  t.strictSame([exitCodeOf([], true), exitCodeOf([result('not-judged')], true)], [2, 2], 'nothing was judged')
  t.end()
})

t.test('JUnit XML, with whatever is in a name', (t) => {
  const results = [
    result('admitted', { warnings: ['careful'], doubts: ['odd'] }),
    result('held', { what: 'UPDATE of Node <"&\u0000\'>', rules: ['copy-in-use'], message: 'no]]>' }),
    result('unusable', { message: 'what' }),
    result('not-judged'),
  ]
  const place = { file: 'a.yaml', line: 1 }
  const checked = results.map((each) => ({ result: each, place, written: {} }))
  const report = (strict: boolean) => junit({ checked, strict, code: 2, root: '.' })
  t.match(report(true), 'failures="2"')
  t.match(report(true), '<failure type="not as written" message="odd"/>')
  t.equal(
    report(false),
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" errors="1" skipped="1">
  <testsuite name="holdfast check" tests="4" failures="1" errors="1" skipped="1">
    <testcase classname="a.yaml:1" name="UPDATE of Node n1"><system-out>odd
careful</system-out></testcase>
    <testcase classname="a.yaml:1" name="UPDATE of Node &lt;&quot;&amp;&apos;&gt;"><failure type="held" message="copy-in-use">no]]&gt;</failure></testcase>
    <testcase classname="a.yaml:1" name="UPDATE of Node n1"><error message="what"/></testcase>
    <testcase classname="a.yaml:1" name="UPDATE of Node n1"><skipped/></testcase>
  </testsuite>
</testsuites>
`,
  )
  t.end()
})
