import { plainText } from '../../../text/plain-text.ts'
import { evaluate } from './evaluate.ts'
import type { Node } from './nodes.ts'

/**
 * What `kubectl -o jsonpath=TEMPLATE` writes of a document. Characters that act on a terminal are taken out of the
 * document, and not out of the template.
 *
 * @param document JSON
 * @param asJson as `-o jsonpath-as-json`: an array of what each part finds
 * @throws TemplateProblem
 */
export function printTemplate(template: readonly Node[], document: unknown, asJson = false): string {
  return evaluate(template, plain(document))
    .map((values) => (asJson ? `${goJson(values, '    ')}\n` : values.map(goText).join(' ')))
    .join('')
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]))
}

/** As `fmt.Sprint` of Go writes a value that came as JSON, and maps and arrays as JSON. */
export function goText(value: unknown): string {
  if (typeof value === 'object' && value !== null) return goJson(value)
  return typeof value === 'number' ? goNumber(value) : String(value)
}

function goNumber(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 1e-4) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

/** As `json.Marshal` of Go: with the keys of maps in order, and without characters that HTML gives a meaning. */
function goJson(value: unknown, indent = ''): string {
  const text = JSON.stringify(inOrder(value), undefined, indent)
  return text.replaceAll(
    /[<>&\u2028\u2029\u007F-\u009F\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([key, each]) => [key, inOrder(each)]))
}
