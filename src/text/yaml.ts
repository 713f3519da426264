import type { LineCounter } from 'yaml'
import {
  type CST,
  type Document,
  type ErrorCode,
  isAlias,
  parseDocument,
  type ParseOptions,
  Parser,
  visit,
} from 'yaml'

/**
 * A text that is no YAML. The message has the number of the line and never a word of it: a line of a kubeconfig, or of a
 * Secret among manifests, may be a password, and errors end up in the logs of CI systems.
 */
export class UnreadableYaml extends Error {
  /** Counted from 1. */
  readonly line: number
  /** The message without the number of the line. */
  readonly problem: string

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`)
    this.name = 'UnreadableYaml'
    this.line = line
    this.problem = problem
  }
}

/**
 * Reads one document, with where its parts are. What is wrong with it {@link valueOf} throws.
 *
 * @param lines learns where lines begin
 * @throws UnreadableYaml for what is nested too deep to be looked at
 */
export function parseYaml(text: string, lines: LineCounter): Document.Parsed {
  if (isTooDeep(new Parser().parse(text))) throw new UnreadableYaml(1, tooDeep)
  return parseDocument(text, { ...quiet, lineCounter: lines })
}

/** An object of Kubernetes is ten deep. What is deeper than this is read of no file, be it YAML or JSON. */
export const deepest = 500
/** Says so. */
export const tooDeep = 'it is nested too deep'

/**
 * True if lists and objects are nested deeper than that. The library makes documents by recursion: where the stack runs out,
 * the process ends, and no error can be caught.
 *
 * @param tokens what its parser makes, which needs no stack
 */
export function isTooDeep(tokens: Iterable<CST.Token>): boolean {
  const open = Array.from(tokens, (token) => ({ token, depth: 0 }))
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next
    if (depth > deepest) return true
    const parts = 'items' in token ? token.items.flatMap(({ key, value }) => [key, value]) : []
    for (const part of token.type === 'document' ? [token.value] : parts)
      if (part) open.push({ token: part, depth: depth + 1 })
  }
  return false
}

/** What a document says. @param lines of its text @throws UnreadableYaml */
export function valueOf(document: Document.Parsed, lines: LineCounter): unknown {
  const [error] = document.errors
  if (error) throw new UnreadableYaml(lines.linePos(error.pos[0]).line, problemOf(error.code))
  try {
    return document.toJS() as unknown
  } catch {
    // Aliases are followed only here.
    throw new UnreadableYaml(...aliasProblem(document, lines))
  }
}

/** The library's own messages and warnings quote what they are about, so it says nothing. */
export const quiet: ParseOptions & { readonly logLevel: 'error' } = { prettyErrors: false, logLevel: 'error' }

function aliasProblem(document: Document.Parsed, lines: LineCounter): [line: number, problem: string] {
  let at: number | undefined
  visit(document, {
    Alias(_key, node) {
      if (isAlias(node) && node.resolve(document)) return undefined
      at = node.range?.[0]
      return visit.BREAK
    },
  })
  return at === undefined
    ? [1, 'its aliases make too much of it']
    : [
        lines.linePos(at).line,
        'an alias (*name) that no anchor (&name) before it defines; put it in quotes if it is a text',
      ]
}

/** What an error of the library means, in our words. */
export function problemOf(code: ErrorCode): string {
  return problems[code]
}

const quotes = 'put it in quotes if it is a text'

const problems: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) has an anchor or a tag',
  BAD_ALIAS: 'an alias (*name) or an anchor (&name) has no usable name',
  BAD_COLLECTION_TYPE: 'a tag (!name) does not fit its value',
  BAD_DIRECTIVE: 'a directive (%name) cannot be read',
  BAD_DQ_ESCAPE: 'an escape in double quotes is none (\\)',
  BAD_INDENT: 'it is indented wrongly, or a bracket before it is not closed',
  BAD_PROP_ORDER: 'an anchor or a tag stands in the wrong place',
  BAD_SCALAR_START: `a value begins with a character that YAML reserves (@ or \`); ${quotes}`,
  BLOCK_AS_IMPLICIT_KEY: `a value has a colon and a space in it; ${quotes}`,
  BLOCK_IN_FLOW: 'a block stands within brackets',
  DUPLICATE_KEY: 'a key comes twice',
  IMPOSSIBLE: 'it cannot be read',
  KEY_OVER_1024_CHARS: 'a key is longer than 1,024 characters',
  MISSING_CHAR: 'a character is missing: a closing quote or bracket, a colon, or a space',
  MULTILINE_IMPLICIT_KEY: 'a key is on more than one line',
  MULTIPLE_ANCHORS: 'a value has two anchors (&name)',
  MULTIPLE_DOCS: 'a second document begins (---)',
  MULTIPLE_TAGS: 'a value has two tags (!name)',
  NON_STRING_KEY: 'a key is no text',
  RESOURCE_EXHAUSTION: tooDeep,
  TAB_AS_INDENT: 'it is indented with a tab',
  TAG_RESOLVE_FAILED: `a tag (!name) that is not known; ${quotes}`,
  UNEXPECTED_TOKEN: 'something stands where nothing like it can',
}

/** A file whose bytes are no text. */
export class UndecodableText extends Error {
  constructor(cause: unknown) {
    super('it is no text in UTF-8, nor in UTF-16 with a byte order mark', { cause })
    this.name = 'UndecodableText'
  }
}

/**
 * The text of a file, by its byte order mark as kubectl reads it: UTF-16 as PowerShell 5 writes it, or else UTF-8. The
 * mark is no part of the text.
 *
 * @throws UndecodableText, as kubectl takes no YAML of other bytes either
 */
export function decodedText(bytes: Uint8Array): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new UndecodableText(cause)
  }
}

/** The encoding that the first bytes of a file tell; without a mark it is UTF-8. */
export function encodingOf(beginning: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = beginning
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}
