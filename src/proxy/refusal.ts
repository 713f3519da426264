import { Type } from 'typebox'
import { parser } from '../longhorn/parse.ts'

const parseError = parser(Type.Object({ message: Type.String() }), ({ message }) => message)

/**
 * True if an error with status 500 is what the API server says of a write that it has not begun to store. Longhorn's
 * manager passes that on as a 500, which it makes of everything (longhorn.md §5). A write that ended in "etcdserver:
 * request timed out", or in a time-out of the manager's own, may still be done.
 *
 * Names of disks are free text and can say anything, so nothing counts but the beginning of the message; and nothing at all
 * where the client used these words itself, since the manager repeats the disks of a clean-up before the error.
 *
 * @param text the body of the answer, one character for each byte
 * @param said the body of the client, JSON of any depth
 */
export function isRefusal(text: string, said: string): boolean {
  if (words.test(unescaped(said))) return false
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return false
  }
  const parsed = parseError(answer)
  return parsed.ok && refusal.test(parsed.value)
}

/** The same text with each character that JSON can write as a number in its place. To parse and to write it anew would nest. */
function unescaped(json: string): string {
  return json.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

/** What Longhorn's manager and the API server put before an error; a name of an object has no space and no colon. */
const before = String.raw`(?:[A-Za-z][\w /.-]{0,300}(?: \[[\w -]*\])?: ){0,4}`

const refusal = new RegExp(
  `^${before}(?:${[
    String.raw`admission webhook "[a-z0-9.-]+" denied the request`,
    String.raw`failed calling webhook "[a-z0-9.-]+"`,
    String.raw`[A-Za-z]+\.longhorn\.io "[a-z0-9.-]+" is invalid`,
  ].join('|')})(?::| without explanation$)`,
)

const words = /denied the request|failed calling webhook|is invalid/
