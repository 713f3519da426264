import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { cut, shortened } from '../../src/text/plain-text.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('a text that is too long is cut, and a short one is unchanged', (t) => {
  t.equal(shortened('short'), 'short')
  t.equal(shortened('abcdef', 3), 'abc')
  t.equal(shortened('abc', 3), 'abc')
  t.end()
})

for (const [name, made] of [
  ['shortened', (text: string) => shortened(text, 100)],
  ['cut', (text: string) => cut(text, 100)],
] as const) {
  t.test(`a ${name} text does not keep the whole text in memory`, (t) => {
    const before = heapUsed()
    const kept = Array.from({ length: 20 }, (_, at) => made(`${at} `.padEnd(1_000_000, 'x')))
    t.ok(heapUsed() - before < 1_000_000, 'of 20 MB')
    t.equal(kept.length, 20)
    t.end()
  })
}

function heapUsed(): number {
  collect()
  return process.memoryUsage().heapUsed
}
