import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import t from 'tap'
import { runProgram } from './commands/holdfast.ts'
import { typescript } from './fixtures/main.ts'
import { root } from './fixtures/root.ts'

/**
 * A program that keeps nearly all objects from one place in its code for a while, as a busy guard does with its requests. Then
 * it prints how many of 1,000 new ones from there are old at their birth.
 */
const keeping = `
import { setFlagsFromString } from 'node:v8'
import { saveMemory } from ${JSON.stringify(pathToFileURL(join(root, 'src/save-memory.ts')))}
saveMemory()
setFlagsFromString('--allow-natives-syntax')
const isYoung = new Function('object', 'return %InYoungGeneration(object)')
const make = (at) => ({ list: [at, at + 1] })
const kept = []
for (let at = 0; at < 3_000_000; at++) kept[at % 300_000] = make(at)
let old = 0
for (let at = 0; at < 1_000; at++) if (!isYoung(make(at).list)) old += 1
console.log(old)
`

t.test('V8 knows each flag, and makes no new object old, however many of its kind survive', async (t) => {
  const options = [typescript, '--min-semi-space-size=2', '--max-semi-space-size=2', '--input-type=module']
  const { PATH = '' } = process.env
  const ended = await runProgram(process.execPath, [...options, '-e', keeping], { PATH })
  // V8 complains of a flag that it does not know.
  t.strictSame(ended, { code: 0, stdout: '0\n', stderr: '' })
})
