import t, { type Test } from 'tap'
import { mostBytesOfCall } from '../../../src/doors/http/body.ts'
import { readSaid } from '../../../src/doors/proxy/longhorn/body.ts'
import type { Call } from '../../../src/doors/proxy/longhorn/call.ts'

const update: Call = { call: 'node-update', kind: 'Node', name: 'n1' }

/** How many characters are parsed meanwhile. */
function parsed(t: Test, work: () => void): number {
  const calls = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
  work()
  const sum = calls().reduce((all, { args: [text] }) => all + text.length, 0)
  calls.restore()
  return sum
}

t.test('the body of a call is parsed once, and only its relevant parts are parsed again', (t) => {
  const others = Array.from({ length: 9_000 }, (_, at) => `"other${at}":${at}`)
  const body = Buffer.from(`{${others.join(',')},"evictionRequested":true}`)
  const characters = parsed(t, () => {
    const { fields } = readSaid(update, body)
    t.strictSame([...fields], [['evictionRequested', true]])
  })
  t.ok(characters < body.length + 1_000, `${characters} of ${body.length}`)
  t.end()
})

t.test('a call with a larger body than any needs is not parsed at all', (t) => {
  const body = Buffer.from('{"evictionRequested":true}'.padEnd(mostBytesOfCall + 1))
  const characters = parsed(t, () => {
    t.throws(() => readSaid(update, body), { status: 413, message: /it is larger than 1048576 bytes/ })
  })
  t.equal(characters, 0)
  t.equal(readSaid(update, body.subarray(1, 1)).body, undefined)
  t.equal(readSaid(update, body.subarray(0, mostBytesOfCall)).fields.get('evictionRequested'), true)
  t.end()
})

t.test('no character gets shorter as the names that Longhorn knows are compared', (t) => {
  const shrunk: string[] = []
  for (let code = 0; code <= 0x10_ffff; code += 1) {
    const character = String.fromCodePoint(code)
    if (character.toUpperCase().length < character.length) shrunk.push(character)
  }
  t.strictSame(shrunk, [])
  t.end()
})
