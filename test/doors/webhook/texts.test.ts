import fc from 'fast-check'
import t from 'tap'
import { fitWarnings } from '../../../src/doors/webhook/warnings.ts'
import { parseTimeout } from '../../../src/doors/webhook/waiting-reviews.ts'
import { cut, plainLine, plainText } from '../../../src/text/plain-text.ts'

t.test('a timeout is a Go duration', (t) => {
  const durations = {
    '10s': 10_000,
    '500ms': 500,
    '1.5s': 1_500,
    '.5s': 500,
    '1s500ms': 1_500,
    '2000us': 2,
    '2000µs': 2,
    '0s': 0,
  }
  for (const [text, ms] of Object.entries(durations)) t.equal(parseTimeout(text), ms, text)
  t.end()
})

t.test('a timeout that is absent or unreadable is the 10 s of Kubernetes', (t) => {
  for (const timeout of [
    undefined,
    '',
    '10',
    's',
    '-5s',
    '10 s',
    '1e3s',
    ['1s', '2s'],
    '1'.repeat(99) + 's',
  ]) {
    t.equal(parseTimeout(timeout), 10_000, String(timeout))
  }
  t.end()
})

t.test('no timeout is longer than Kubernetes allows', (t) => {
  t.equal(parseTimeout('1m30s'), 30_000)
  t.equal(parseTimeout('99999999999h'), 30_000)
  t.end()
})

t.test('a line has no control characters, and a text has only newlines', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      t.notMatch(plainLine(text), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
      t.notMatch(plainText(text).replaceAll('\n', ''), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
    }),
  )
  t.equal(plainLine('a\r\nb\tc'), 'a b c', 'words stay apart')
  t.equal(plainText('a\r\nb\tc'), 'a\nb c')
  t.equal(plainLine('Größe 10 µs – 图像 🙂'), 'Größe 10 µs – 图像 🙂')
  t.end()
})

t.test('a cut text ends with a mark, and no character is cut in two', (t) => {
  t.equal(cut('abcdef', 6), 'abcdef')
  t.equal(cut('abcdefg', 6), 'abcde…')
  t.equal(cut('abcd🙂fgh', 6), 'abcd…')
  t.end()
})

t.test('warnings that fit are passed on whole, each once', (t) => {
  const long = 'x'.repeat(2_000)
  t.same(fitWarnings(['a', long, 'a', '', `${long}y`]), ['a', long, `${long}y`])
  t.end()
})

t.test('warnings that do not fit are dropped from the end, and counted', (t) => {
  const warnings = Array.from({ length: 10 }, (_, i) => `${i}`.repeat(1_000))
  t.same(fitWarnings(warnings), [...warnings.slice(0, 4), '… and 6 more'])
  t.end()
})

t.test('a single warning that is too long is cut', (t) => {
  const [first, second, third] = fitWarnings(['short', 'x'.repeat(10_000), 'last'])
  t.equal(first, 'short')
  t.match(second, /^x{4000,}…$/)
  t.equal(third, '… and 1 more')
  t.end()
})

t.test('warnings never exceed the API server’s limits, and never vanish silently', (t) => {
  const texts = fc.array(fc.string({ minLength: 1, maxLength: 3_000, size: 'max' }), { maxLength: 20 })
  fc.assert(
    fc.property(texts, (warnings) => {
      const fitting = fitWarnings(warnings)
      const total = fitting.reduce((sum, text) => sum + text.length, 0)
      return total <= 4_096 && (fitting.length > 0 || warnings.every((text) => plainLine(text).trim() === ''))
    }),
    { numRuns: 50 },
  )
  t.end()
})
