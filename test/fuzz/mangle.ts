import { twice, verbatim } from './json-text.ts'
import type { Random } from './random.ts'
import { copyOf, isFields } from './raw.ts'

/** Names that mean something to JavaScript, to Longhorn or to a terminal, and some that mean nothing. */
const oddNames: readonly string[] = [
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', ' ', '\n', '\0', '~1', 'a/b', 'a.b', '0'],
  ...['\u001b[2J', '\u202e', '\u2028', '\ud800', 'ﬁ', 'ſpec', 'İ', 'e\u0301', '\u{1f4be}', 'x'.repeat(300)],
  ...[
    'metadata',
    'spec',
    'status',
    'name',
    'uid',
    'disks',
    'evictionRequested',
    'diskFileSpecMap',
    'diskUUID',
  ],
]

/** Values of each type, and such as JavaScript or Go reads in its own way. */
const oddValues: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e21, '', 'true', 'false', 'null', [], {}, [[]], { a: null }, [null]],
  ...['1e400', '-1e400', '1e-400', '-0', '9007199254740993', '0.1e1', '123456789012345678901234567890'].map(
    verbatim,
  ),
  ...['\0\u001b]0;owned\u0007\r\u202e\u2066', '\ud800', 'x'.repeat(5_000), '\u{1f4be}'.repeat(100)],
]

/** Each time another one, since it may be mangled itself. */
function oddValue(random: Random): unknown {
  return copyOf(random.oneOf(oddValues))
}

/** A place in a JSON value. */
interface Place {
  readonly parent: unknown[] | Record<string, unknown>
  readonly key: string
}

/** Changes one place, in place; the result may not be a JavaScript value, see `jsonText`. */
type Mangling = (place: Place, random: Random) => void

/** The more often one is listed, the more often it comes. */
const manglings: readonly Mangling[] = [
  remove,
  remove,
  // Doubled, with the same or another value.
  ({ parent, key }, random) => {
    const value = random.chance(0.5) ? valueAt({ parent, key }) : oddValue(random)
    if (Array.isArray(parent)) parent.push(value)
    else parent[twice(key)] = value
  },
  // Another type.
  (place, random) => put(place, oddValue(random)),
  (place, random) => put(place, oddValue(random)),
  (place, random) => put(place, random.oneOf([null, false, true, !flagAt(place)])),
  (place, random) => put(place, random.oneOf([null, !flagAt(place)])),
  // Another name.
  (place, random) => renameTo(place, random.oneOf(oddNames)),
  (place, random) => renameTo(place, respelled(place.key, random)),
  // Deep.
  (place, random) => put(place, nested(valueAt(place), random)),
  // Wide, rarely, since it takes long to read.
  (place, random) => {
    if (random.chance(0.1)) put(place, wide(valueAt(place), random))
  },
  // One more.
  ({ parent }, random) => {
    if (Array.isArray(parent)) parent.push(oddValue(random))
    else parent[twice(random.oneOf(oddNames))] = oddValue(random)
  },
  // A copy of a neighbour.
  (place, random) => {
    const { parent } = place
    put(place, copyOf(random.oneOf(Object.values(parent))))
  },
]

function remove({ parent, key }: Place): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1)
  else Reflect.deleteProperty(parent, key)
}

/** Mangles the value somewhere within, in place. Nothing happens to one that holds nothing. */
export function mangle(root: unknown, random: Random): void {
  const place = placeIn(root, random)
  if (place) random.oneOf(manglings)(place, random)
}

function placeIn(root: unknown, random: Random): Place | undefined {
  let place: Place | undefined
  let here = root
  while (isContainer(here)) {
    const keys = Object.keys(here)
    if (keys.length === 0) break
    place = { parent: here, key: random.oneOf(keys) }
    here = valueAt(place)
    if (random.chance(0.2)) break
  }
  return place
}

function isContainer(value: unknown): value is unknown[] | Record<string, unknown> {
  return Array.isArray(value) || isFields(value)
}

function valueAt({ parent, key }: Place): unknown {
  return Array.isArray(parent) ? parent[Number(key)] : parent[key]
}

function flagAt(place: Place): boolean {
  return valueAt(place) === true
}

function put({ parent, key }: Place, value: unknown): void {
  if (Array.isArray(parent)) parent[Number(key)] = value
  else parent[key] = value
}

function renameTo(place: Place, name: string): void {
  const { parent, key } = place
  if (Array.isArray(parent)) return
  const value = valueAt(place)
  // It may be there already, or be `__proto__`, which cannot be set like any other.
  parent[twice(name)] = value
  if (name !== key) Reflect.deleteProperty(parent, key)
}

/** The same name to a server that does not look at case, or not at the width of letters. */
function respelled(name: string, random: Random): string {
  const at = random.below(name.length)
  const letter = name.charAt(at)
  return (
    name.slice(0, at) + random.oneOf([letter.toUpperCase(), '', letter + letter, 'ſ']) + name.slice(at + 1)
  )
}

function nested(value: unknown, random: Random): unknown {
  // Deep enough to overflow the stack of a recursive reader.
  const levels = 10 ** (1 + random.below(4)) * 3
  if (levels > 300) return verbatim(`${'['.repeat(levels)}${']'.repeat(levels)}`)
  const inLists = random.chance(0.5)
  let deep = value
  for (let level = levels; level > 0; level -= 1) deep = inLists ? [deep] : { a: deep }
  return deep
}

function wide(value: unknown, random: Random): unknown {
  const count = random.oneOf([15, 15, 150, 1_500])
  const entries = Array.from({ length: count }, (_, at) => [`key-${at}`, random.chance(0.5) ? value : {}])
  return random.chance(0.2) ? entries : { ...(isFields(value) && value), ...Object.fromEntries(entries) }
}

/** Breaks the text of JSON, or writes it in another way. */
export function mangleText(text: string, random: Random): Buffer {
  const at = random.below(text.length + 1)
  const [before, after] = [text.slice(0, at), text.slice(at)]
  switch (random.below(8)) {
    case 0:
      return Buffer.from(before)
    case 1:
      return Buffer.from(before + after.slice(1 + random.below(5)))
    case 2:
      return Buffer.from(
        before + random.oneOf(['"', ',', '{', '}', ']', ':', '\\', '\0', '\u00a0', '//']) + after,
      )
    case 3:
      return Buffer.from(`\ufeff${text}`)
    case 4:
      return Buffer.from(text + random.oneOf([text, '}', 'null', '\n\n', '\0']))
    case 5:
      return Buffer.from(text, 'utf16le')
    case 6: {
      // One random byte, so the text may not be UTF-8.
      const bytes = Buffer.from(text)
      if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256)
      return bytes
    }
    default:
      return Buffer.from(escaped(text, random))
  }
}

/** The same JSON, some letters of its strings written as `\uXXXX`. */
function escaped(text: string, random: Random): string {
  return text.replaceAll(/(?<=["a-z])[a-z](?=[a-z]*")/gi, (letter) =>
    random.chance(0.1) ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter,
  )
}
