/** A member of an object, as the text has it. */
interface Member {
  readonly name: string
  /** The text of its value, with every digit. */
  readonly value: string
  /** Where the value begins in the text of the object. */
  readonly at: number
}

/**
 * The members of an object in the order of the text, duplicate names included. JavaScript's numbers have 53
 * bits and Go's 64, so forwarded values are cut out of the text and not serialised again.
 *
 * @param text valid JSON
 * @returns undefined for anything but an object
 */
export function membersOf(text: string): readonly Member[] | undefined {
  let at = afterSpace(text, 0)
  if (text[at] !== '{') return undefined
  const members: Member[] = []
  at = afterSpace(text, at + 1)
  while (text[at] === '"') {
    const nameEnd = afterString(text, at)
    const name = nameIn(text, at, nameEnd)
    // After the colon.
    const start = afterSpace(text, afterSpace(text, nameEnd) + 1)
    const end = afterValue(text, start)
    members.push({ name, value: text.slice(start, end), at: start })
    at = afterSpace(text, end)
    if (text[at] === ',') at = afterSpace(text, at + 1)
  }
  return members
}

/**
 * The last member of this name, the one that counts for JavaScript and for Go; undefined if there is none.
 */
export function memberOf(text: string, name: string): Member | undefined {
  return membersOf(text)?.findLast((member) => member.name === name)
}

/**
 * The text of an object with a member that has this value, in the place of its last one of this name or after
 * all others. All other bytes stay.
 *
 * @param text valid JSON, an object
 * @param value valid JSON
 */
export function withMember(text: string, name: string, value: string): string {
  const members = membersOf(text) ?? []
  const present = members.findLast((member) => member.name === name)
  if (present) return text.slice(0, present.at) + value + text.slice(present.at + present.value.length)
  const last = members.at(-1)
  const at = last ? last.at + last.value.length : afterSpace(text, 0) + 1
  return `${text.slice(0, at)}${last ? ',' : ''}${JSON.stringify(name)}:${value}${text.slice(at)}`
}

/**
 * The text of a list with one element added at the front.
 *
 * @param text valid JSON, a list;
 * @param element valid JSON
 */
export function withFirst(text: string, element: string): string {
  const at = afterSpace(text, 0) + 1
  const isEmpty = text[afterSpace(text, at)] === ']'
  return `${text.slice(0, at)}${element}${isEmpty ? '' : ','}${text.slice(at)}`
}

/**
 * The duplicate fields of an object within a text, each once, as the API server names them: `spec.tags`,
 * `items[0].kind`. The function does not recurse, so depth does not matter.
 *
 * @param text valid JSON
 */
export function duplicateFields(text: string): string[] {
  const found = new Set<string>()
  const open: Opened[] = []
  let at = 0
  while (at < text.length) {
    const char = text.charAt(at)
    const inner = open.at(-1)
    if (char === '"') {
      const end = afterString(text, at)
      if (inner?.names && text[afterSpace(text, end)] === ':') {
        inner.step = nameIn(text, at, end)
        if (inner.names.has(inner.step)) found.add(pathTo(open))
        inner.names.add(inner.step)
      }
      at = end
      continue
    }
    if (char === '{') open.push({ names: new Set(), step: '' })
    else if (char === '[') open.push({ names: undefined, step: 0 })
    else if (char === '}' || char === ']') open.pop()
    else if (char === ',' && typeof inner?.step === 'number') inner.step += 1
    at += 1
  }
  return [...found]
}

/** How deep objects and lists are nested in a text. @param text valid JSON */
export function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (char === '"') at = afterString(text, at) - 1
    else if (char === '{' || char === '[') deepest = Math.max(deepest, (depth += 1))
    else if (char === '}' || char === ']') depth -= 1
  }
  return deepest
}

/** An object or a list that is being read. */
interface Opened {
  /** For an object: its names so far. */
  readonly names: Set<string> | undefined
  /** The current name or index. */
  step: string | number
}

function pathTo(open: readonly Opened[]): string {
  return open
    .map(({ step }) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '')
}

/** The name at this place. Most names have no escapes, and parsing each takes half of the time. */
function nameIn(text: string, from: number, end: number): string {
  const written = text.slice(from + 1, end - 1)
  return written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written
}

function afterSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

/** Never called at the end of a text, where there is no code. */
function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9
}

function afterString(text: string, from: number): number {
  let at = text.indexOf('"', from + 1)
  while (at >= 0 && isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at < 0 ? text.length + 1 : at + 1
}

/** True for a quote after an odd number of backslashes: each pair of them is one literal backslash. */
function isEscaped(text: string, quote: number): boolean {
  let at = quote
  while (text[at - 1] === '\\') at -= 1
  return (quote - at) % 2 === 1
}

/**
 * The end of the value that begins here. The function does not recurse, so depth does not matter. For text
 * that is no JSON the result is some later place.
 */
export function afterValue(text: string, from: number): number {
  // Objects, lists and texts have their own end; only a number or a word ends at the next separator.
  const isWord = !'{["'.includes(text.charAt(from))
  let depth = 0
  let at = from
  do {
    const char = text[at]
    if (char === '"') at = afterString(text, at)
    else {
      if (char === '{' || char === '[') depth += 1
      else if (char === '}' || char === ']') depth -= 1
      at += 1
    }
  } while (at < text.length && (depth > 0 || (isWord && !ends.includes(text.charAt(at)))))
  return at
}

/** The characters that can end a number or a word. */
const ends = ' \t\r\n,]}'

/**
 * The text of a JSON body; undefined for any other, which is then forwarded unchanged: the proxy does not
 * parse YAML of clients. One character is one byte, so {@link bodyOf} yields the same bytes again.
 */
export function jsonTextOf(body: Buffer): string | undefined {
  const text = body.toString('latin1')
  try {
    JSON.parse(text)
    return text
  } catch {
    return undefined
  }
}

/** The bytes of such a text. */
export function bodyOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** True for the text of a JSON object. */
export function isObjectText(text: string | undefined): text is string {
  return text?.trimStart().startsWith('{') === true
}
