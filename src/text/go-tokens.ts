import type { CST } from 'yaml'
import { isTooDeep, problemOf, tooDeep, UnreadableYaml } from './yaml.ts'

type SourceToken = CST.SourceToken

/**
 * Checks the tokens of the library's parser before they become a document. It rejects syntax that the library
 * accepts and Go's decoder rejects, and rewrites syntax that only Go's decoder accepts.
 *
 * @param all of the text
 * @param lineOf the line of an offset, counted from 1
 * @returns the tokens of the first document; later ones are not checked
 * @throws UnreadableYaml
 */
export function asGoReads(
  all: readonly CST.Token[],
  text: string,
  lineOf: (offset: number) => number,
): readonly CST.Token[] {
  const first = all.findIndex(({ type }) => type === 'document')
  const tokens = first < 0 ? all : all.slice(0, first + 1)
  if (isTooDeep(tokens)) throw new UnreadableYaml(1, tooDeep)
  const open = tokens.map((token) => ({ token, isFlow: false }))
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, isFlow } = next
    const refuse = (problem: string): never => {
      throw new UnreadableYaml(lineOf(token.offset), problem)
    }
    if (token.type === 'double-quoted-scalar') token.source = goEscapes(token.source, refuse)
    // In brackets it begins a key, at any place.
    if (isFlow && token.type === 'scalar' && /^:|\?/.test(token.source)) refuse(problemOf('BAD_SCALAR_START'))
    if (token.type === 'block-scalar' && hasTabAsIndent(token)) refuse(problemOf('TAB_AS_INDENT'))
    const its = token.type === 'flow-collection'
    if (!isFlow) for (const part of blockTokens(token)) refuseTab(part, text, lineOf)
    const parts = 'items' in token ? token.items.flatMap(({ key, value }) => [key, value]) : []
    for (const part of token.type === 'document' ? [token.value] : parts)
      if (part) open.push({ token: part, isFlow: isFlow || its })
  }
  return tokens
}

/** Spaces, comments and signs around the parts of a token, in a block. */
function* blockTokens(token: CST.Token): Generator<readonly SourceToken[], void> {
  if (token.type === 'document') yield token.start
  if ('end' in token) yield token.end
  if (token.type !== 'block-map' && token.type !== 'block-seq') return
  for (const { start, sep } of token.items) {
    yield start
    if (sep) yield sep
  }
}

/**
 * In a block Go's scanner rejects a tab at the beginning of a line, a blank one included, and after `-` and
 * `?`.
 */
function refuseTab(tokens: readonly SourceToken[], text: string, lineOf: (offset: number) => number): void {
  // Text at the beginning of a line, or after a sign that a value may follow.
  let isBeginning = false
  for (const { type, source, offset } of tokens) {
    isBeginning = signs.has(type) || (isBeginning && type === 'space') || startsLine(text, offset)
    if (isBeginning && type === 'space' && source.includes('\t'))
      throw new UnreadableYaml(lineOf(offset), problemOf('TAB_AS_INDENT'))
  }
}

const signs: ReadonlySet<string> = new Set(['newline', 'seq-item-ind', 'explicit-key-ind'])

function startsLine(text: string, offset: number): boolean {
  return offset === 0 || text[offset - 1] === '\n'
}

/** Go's decoder knows `\'` and not `\/`; the library knows `\/` and not `\'`. */
function goEscapes(source: string, refuse: (problem: string) => never): string {
  return source.replaceAll(/\\([^])/g, (escape, character: string) => {
    if (character === '/') refuse(problemOf('BAD_DQ_ESCAPE'))
    return character === "'" ? "'" : escape
  })
}

/**
 * True if a tab is part of the indentation of a block of text: before its first line with content, or left of
 * that column in another line.
 */
function hasTabAsIndent({ props, source }: CST.BlockScalar): boolean {
  // If a number gives the indentation, a tab may be the first character of the content.
  if (props.some((each) => each.type === 'block-scalar-header' && /\d/.test(each.source))) return false
  const lines = source.split('\n').map((line) => /^ *(?=([^ ]?))/.exec(line) ?? [])
  const [indent = '', first] = lines.find(([, next]) => next) ?? []
  return first === '\t' || lines.some(([its = '', next]) => next === '\t' && its.length < indent.length)
}
