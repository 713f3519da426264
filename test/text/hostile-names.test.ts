import fc from 'fast-check'
import t from 'tap'
import { escapedText, plainLine } from '../../src/text/plain-text.ts'
import { depth } from '../fixtures/thorough.ts'
import { saidOf } from './hostile-cluster.ts'

/** Every character that does something to a screen instead of showing on it. */
const acting = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).filter((character) =>
  /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.test(character),
)

/** Typical attacks: a title, an empty screen, a colour, a line that is overwritten, and one that is forged. */
const tricks = ['\u001b]0;owned\u0007', '\u001b[2J', '\u009b31m', 'ok\r', '\nFORGED', 'name']

/** Texts with some of that. */
const hostile = fc
  .array(fc.constantFrom(...acting, ...tricks), { minLength: 3, maxLength: 20 })
  .map((parts) => `disk ${parts.join('')}`)

/** Where the name has to be found, or this shows nothing. */
const named = [
  ...['webhook', 'Kubernetes proxy', 'Longhorn proxy', 'Event', 'audit file', 'operator /audit'],
  'status -o wide',
]

t.test('no name acts on a screen, at any door, in any command, record, Event or log', async (t) => {
  t.ok(acting.length > 70, 'all of them are tried')
  const law = fc.asyncProperty(hostile, async (name) => {
    const problems = await problemsWith(name)
    if (problems.length > 0) throw new Error(problems.join('; '))
  })
  const examples: [string][] = [[`disk ${acting.join('')}${tricks.join('')}`]]
  const { failed, errorInstance } = await fc.check(law, {
    numRuns: depth(1, 20),
    examples,
    endOnFailure: true,
  })
  // A reporter of tests prints what it is given, as a terminal does.
  t.notOk(failed, escapedText(String(errorInstance).slice(0, 2_000)).replaceAll('\n', ' '))

  async function problemsWith(name: string): Promise<string[]> {
    const said = await saidOf(t, name)
    const problems = said.flatMap(([from, text]) => {
      // A command may repeat its own arguments, and YAML has blocks of lines.
      const isOwn = from.includes(name) || from.includes('-o yaml')
      return problemsOf(text, isOwn).map((problem) => `${JSON.stringify(from)}: ${problem}`)
    })
    const places = new Set(
      said.filter(([, text]) => text.includes(plainLine(name).trim())).map(([from]) => from),
    )
    return [
      ...problems,
      ...named.filter((place) => !places.has(place)).map((place) => `not named at ${place}`),
    ]
  }
})

/** The problems of a text on a terminal. */
function problemsOf(text: string, mayHaveLines: boolean): string[] {
  const [character] = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u.exec(text) ?? []
  const acts = character === undefined ? [] : [`U+${character.charCodeAt(0).toString(16)}`]
  const forged = !mayHaveLines && /^\s*FORGED/mu.test(text) ? ['a line that is forged'] : []
  return [...acts, ...forged].map((problem) => `${problem} in ${JSON.stringify(text.slice(0, 300))}`)
}
