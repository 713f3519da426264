import t from 'tap'
import { leadingUid, parseJson } from '../../../src/doors/webhook/admission-review.ts'
import { NoJson, TooManyValues } from '../../../src/doors/webhook/http-errors.ts'
import { review, uid } from './review-builder.ts'

t.test('JSON is read unchanged, and other bytes are an error', (t) => {
  t.match(parseJson('{"a":[1]}'), { json: { a: [1] } })
  t.match(parseJson('{"__proto__":1}'), { json: JSON.parse('{"__proto__":1}') as object })
  t.ok(parseJson('{') instanceof NoJson)
  t.end()
})

t.test('a text with too many values is not read, in any form', (t) => {
  const many = 1_100_000
  for (const text of [
    `[${'0,'.repeat(many)}0]`,
    '['.repeat(many) + ']'.repeat(many),
    `{"a":${'[{},'.repeat(many)}`,
  ])
    t.ok(parseJson(text) instanceof TooManyValues)
  t.end()
})

t.test('a text of eight megabytes with few values is read', (t) => {
  t.match(parseJson(JSON.stringify({ note: 'n'.repeat(8_000_000) })), { json: { note: String } })
  t.match(parseJson(`[${'0,'.repeat(300_000)}0]`), { json: Array })
  t.end()
})

t.test('the uid of a review is found without reading it, where it begins as API servers begin it', (t) => {
  const text = JSON.stringify(review('Node', {}))
  t.equal(leadingUid(text), uid)
  t.equal(leadingUid(`  ${text.slice(0, 200)}`), uid)
  for (const other of [
    '{"request":{"uid":"x"}}',
    text.replace('admission.k8s.io/v1', 'admission.k8s.io/v1beta1'),
    text.replace(uid, 'u'.repeat(65)),
    text.replace('"uid"', '"object":{"uid":"x"},"uid"'),
    '',
  ])
    t.equal(leadingUid(other), undefined)
  t.end()
})
