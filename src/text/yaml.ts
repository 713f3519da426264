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
 * A text that is not valid YAML. The message has the line number and never a word of the line: in a
 * kubeconfig or a Secret it may be a password, and errors end up in the logs of CI systems.
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
 * Reads one document with the positions of its parts. {@link valueOf} throws its errors.
 *
 * @param lines learns where lines begin
 * @throws UnreadableYaml if it is nested too deep
 */
export function parseYaml(text: string, lines: LineCounter): Document.Parsed {
  if (isTooDeep(new Parser().parse(text))) throw new UnreadableYaml(1, tooDeep)
  return parseDocument(text, { ...quiet, lineCounter: lines })
}

/** Limit for the nesting of any file, YAML or JSON. Objects of Kubernetes are about ten deep. */
export const deepest = 500
/** The error for it. */
export const tooDeep = 'it is nested too deep'

/**
 * True if lists and objects are nested deeper than that. The library builds documents by recursion, and a
 * stack overflow there ends the process without an error that can be caught.
 *
 * @param tokens of its parser, which needs no stack
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

/** The value of a document. @param lines of its text @throws UnreadableYaml */
export function valueOf(document: Document.Parsed, lines: LineCounter): unknown {
  const [error] = document.errors
  if (error) throw new UnreadableYaml(lines.linePos(error.pos[0]).line, problemOf(error.code))
  try {
    return document.toJS() as unknown
  } catch {
    // Aliases are resolved only here.
    throw new UnreadableYaml(...aliasProblem(document, lines))
  }
}

/** Silences the library, since its own messages and warnings quote the text. */
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
    ? [1, 'its aliases expand to too much']
    : [
        lines.linePos(at).line,
        'an alias (*name) that no anchor (&name) before it defines; put it in quotes if it is a text',
      ]
}

/** The meaning of an error of the library, in Holdfast's words. */
export function problemOf(code: ErrorCode): string {
  return problems[code]
}

const quotes = 'put it in quotes if it is a text'

const problems: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) has an anchor or a tag',
  BAD_ALIAS: 'an alias (*name) or an anchor (&name) has no usable name',
  BAD_COLLECTION_TYPE: 'a tag (!name) does not fit its value',
  BAD_DIRECTIVE: 'a directive (%name) cannot be read',
  BAD_DQ_ESCAPE: 'an escape in double quotes is unknown (\\)',
  BAD_INDENT: 'it is indented wrongly, or a bracket before it is not closed',
  BAD_PROP_ORDER: 'an anchor or a tag is in the wrong place',
  BAD_SCALAR_START: `a value begins with a character that YAML reserves (@ or \`); ${quotes}`,
  BLOCK_AS_IMPLICIT_KEY: `a value has a colon and a space in it; ${quotes}`,
  BLOCK_IN_FLOW: 'a block is inside of brackets',
  DUPLICATE_KEY: 'a key comes twice',
  IMPOSSIBLE: 'it cannot be read',
  KEY_OVER_1024_CHARS: 'a key is longer than 1,024 characters',
  MISSING_CHAR: 'a character is missing: a closing quote or bracket, a colon, or a space',
  MULTILINE_IMPLICIT_KEY: 'a key is on more than one line',
  MULTIPLE_ANCHORS: 'a value has two anchors (&name)',
  MULTIPLE_DOCS: 'a second document begins (---)',
  MULTIPLE_TAGS: 'a value has two tags (!name)',
  NON_STRING_KEY: 'a key is not a text',
  RESOURCE_EXHAUSTION: tooDeep,
  TAB_AS_INDENT: 'it is indented with a tab',
  TAG_RESOLVE_FAILED: `a tag (!name) is unknown; ${quotes}`,
  UNEXPECTED_TOKEN: 'something is in a place where it cannot be',
}

/** A file whose bytes are not text. */
export class UndecodableText extends Error {
  constructor(cause: unknown) {
    super('it is neither UTF-8, nor UTF-16 with a byte order mark', { cause })
    this.name = 'UndecodableText'
  }
}

/**
 * The text of a file, decoded by its byte order mark as kubectl does: UTF-16 as PowerShell 5 writes it, or
 * else UTF-8. The text does not include the mark.
 *
 * @throws UndecodableText, since kubectl too rejects YAML of other bytes
 */
export function decodedText(bytes: Uint8Array): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new UndecodableText(cause)
  }
}

/** The encoding, by the first bytes of a file; UTF-8 without a mark. */
export function encodingOf(beginning: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = beginning
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}
