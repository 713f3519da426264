import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Decision } from '../../src/gate/decision.ts'
import { Reviewer } from '../../src/webhook/reviewer.ts'
import { eventually } from '../fixtures/eventually.ts'
import { allowed, awaited, fakes, options } from './fake-gate.ts'
import { node, review } from './review-builder.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('while a review is held, nothing keeps its objects as they came', async (t) => {
  const { gate, modules } = fakes()
  let decide: (decision: Decision) => void = () => undefined
  gate.answer = () => new Promise((resolve) => (decide = resolve))
  const reviewer = new Reviewer(options, modules)
  const begin = () => {
    const after = node({ evictionRequested: true }, { annotations: { note: 'x'.repeat(1_000) } })
    const body = review('Node', { before: node({ evictionRequested: false }), after })
    return { answer: reviewer.review(body, '10s', awaited), kept: new WeakRef(after) }
  }
  const { answer, kept } = begin()
  await eventually(() => gate.asked.length === 1)
  await eventually(() => {
    collect()
    return kept.deref() === undefined
  }, 'the object is forgotten')
  decide(allowed())
  t.match(await answer, { ok: true, value: { response: { allowed: true } } })
})
