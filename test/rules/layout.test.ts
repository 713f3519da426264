import t from 'tap'
import type { Finding } from '../../src/rules/finding.ts'
import { adviceOf, fitWarning, headlineOf, linesOf, oneLineOf, warningOf } from '../../src/rules/layout.ts'

const finding: Finding = {
  rule: 'eviction-during-cleanup',
  effect: 'hold',
  subjects: [{ node: 'n1', disk: 'd1', diskUUID: 'uuid-d1', image: 'ubuntu' }],
  doing: 'evicting d2 of n1',
  found: 'ubuntu is still being removed from d1 (for 12s)',
  why: 'Longhorn crashes.',
  next: 'The eviction is allowed as soon as the clean-up ends.',
  look: ['kubectl get images', 'kubectl get nodes'],
}

t.test('a denial is four parts below each other, with the rule and the UUID last', (t) => {
  t.equal(
    linesOf(finding, 'kubectl retries for you. '),
    `evicting d2 of n1 has to wait: ubuntu is still being removed from d1 (for 12s)
Why:   Longhorn crashes.
Next:  kubectl retries for you. The eviction is allowed as soon as the clean-up ends.
Look:  kubectl get images
       kubectl get nodes
       rule eviction-during-cleanup, disk UUID uuid-d1`,
  )
  t.end()
})

t.test('a few UUIDs are listed, each once, and none without any', (t) => {
  const last = (...uuids: string[]) =>
    linesOf({ ...finding, subjects: uuids.map((diskUUID) => ({ diskUUID })) })
      .split('\n')
      .at(-1)
  t.equal(last(), '       rule eviction-during-cleanup')
  t.equal(last('a', 'b', 'a'), '       rule eviction-during-cleanup, disk UUIDs a, b')
  t.equal(last('a', 'b', 'c', 'd', 'e'), '       rule eviction-during-cleanup, disk UUIDs a, b, c and 2 more')
  t.end()
})

t.test('the first line says whether the change waits or is denied, except in a warning', (t) => {
  t.match(headlineOf(finding), /^evicting d2 of n1 has to wait: ubuntu/)
  t.match(headlineOf({ ...finding, effect: 'refuse' }), /^evicting d2 of n1 is denied: ubuntu/)
  t.match(headlineOf({ ...finding, effect: 'warn' }), /^evicting d2 of n1: ubuntu/)
  t.end()
})

t.test('a newline in a name makes no second line', (t) => {
  const hostile = { ...finding, doing: 'evicting a\nWhy: b', found: 'c\nd', why: 'e\nf', look: ['g\nh'] }
  t.equal(linesOf(hostile).split('\n').length, 5)
  t.notMatch(oneLineOf(hostile), '\n')
  t.notMatch(warningOf(hostile), '\n')
  t.end()
})

t.test('a warning has the rule’s name, and as much of the rest as fits into 250 characters', (t) => {
  const warned: Finding = { ...finding, effect: 'warn' }
  const first = 'evicting d2 of n1: ubuntu is still being removed from d1 (for 12s)'
  const end = ' (rule eviction-during-cleanup)'
  const long = `${'x'.repeat(200)}.`
  t.equal(warningOf(warned), `${first}. ${warned.why} ${warned.next}${end}`)
  t.equal(warningOf({ ...warned, why: long }), `${first}. ${warned.next}${end}`)
  t.equal(warningOf({ ...warned, next: long }), `${first}. ${warned.why}${end}`)
  t.equal(warningOf({ ...warned, why: long, next: long }), `${first}${end}`)
  const cut = warningOf({ ...warned, found: 'x'.repeat(300) })
  t.equal(cut.length, 250)
  t.match(cut, /^evicting d2 of n1: x+… \(rule eviction-during-cleanup\)$/)
  t.equal(fitWarning('y'.repeat(300)).length, 250)
  t.end()
})

t.test('an Event is one line with everything, and the user', (t) => {
  t.equal(
    oneLineOf(finding, ' (asked by ann)'),
    'evicting d2 of n1 has to wait: ubuntu is still being removed from d1 (for 12s) (asked by ann). Longhorn crashes. The eviction is allowed as soon as the clean-up ends. Look: kubectl get images; kubectl get nodes (rule eviction-during-cleanup)',
  )
  t.equal(adviceOf({ next: 'Wait.', look: [] }), 'Wait.')
  t.equal(
    adviceOf({ next: 'Delete it: kubectl delete x', look: ['y'] }),
    'Delete it: kubectl delete x. Look: y',
  )
  t.end()
})
