import {
  type Alias,
  Composer,
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  type Scalar,
  visit,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { goScalar, type GoScalar, keyName, taggedScalar } from './go-scalar.ts'
import { asGoReads } from './go-tokens.ts'
import { deepest, problemOf, quiet, tooDeep, UnreadableYaml } from './yaml.ts'

/** The content of one YAML document, as kubectl reads it. */
export interface GoDocument {
  /** The line on which its content begins, counted from 1. */
  readonly line: number
  readonly value: unknown
  /** Duplicate fields of one object, from the top: `spec.tags`, `items[0].kind`. The last one counts. */
  readonly twice: readonly string[]
}

/**
 * Reads a document as kubectl and the API server do, by sigs.k8s.io/yaml on go.yaml.in/yaml/v2. That is YAML
 * 1.1 with merge keys (`<<`), where later entries win, and keys that become texts. Reading ends at `...`.
 *
 * @throws UnreadableYaml also for syntax that only kubectl rejects
 */
export function readGoYaml(text: string): GoDocument {
  const lines = new LineCounter()
  const foreign = foreignCharacter.exec(text)
  if (foreign) throw new UnreadableYaml(lineAt(text, foreign.index), foreignProblem(foreign[0]))
  // For Go's decoder a carriage return ends a line too.
  const plain = text.replaceAll(/\r\n?/g, '\n')
  const lineOf = (offset: number): number => lines.linePos(offset).line
  const tokens = asGoReads([...tokensIn(plain, lines)], plain, lineOf)
  const [document] = new Composer({ ...quiet, schema: 'failsafe', uniqueKeys: false }).compose(tokens)
  if (document === undefined) {
    if (tokens.some(({ type }) => type === 'directive'))
      throw new UnreadableYaml(
        1,
        'a directive (%name) has to be followed by a line of ---, and that by a document',
      )
    return { line: 1, value: null, twice: [] }
  }
  const [error] = document.errors
  if (error) throw new UnreadableYaml(lineOf(error.pos[0]), problemOf(error.code))
  const aliases = new Map<Alias, Node>()
  const anchors = new Map<string, Node>()
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source)
        if (target === undefined) throw new UnreadableYaml(lineOf(node.range?.[0] ?? 0), noAnchor)
        aliases.set(node, target)
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node)
    },
  })
  const reading = new Reading(aliases, lineOf)
  const value = reading.valueOf(document.contents)
  refuse(value)
  return { line: lineOf(document.contents?.range[0] ?? 0), value, twice: reading.twice }
}

/**
 * A document of that many parts takes more than 1 GB while it is read, and its text 15 MiB. The same as JSON takes
 * a tenth.
 */
const mostParts = 4_000_000

function* tokensIn(text: string, lines: LineCounter): Generator<CST.Token, void> {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let parts = 0
  for (const part of new Lexer().lex(text)) {
    parts += 1
    if (parts > mostParts) throw new UnreadableYaml(1, tooManyParts)
    yield* parser.next(part)
  }
  yield* parser.end()
}

/** Reads the nodes of one document. */
class Reading {
  readonly twice: string[] = []
  readonly #aliases: ReadonlyMap<Alias, Node>
  readonly #lineOf: (offset: number) => number
  readonly #open = new Set<Alias>()
  #read = 0
  #readByAlias = 0
  #depth = 0
  /** The path to the node that is read. */
  readonly #path: (string | number)[] = []

  constructor(aliases: ReadonlyMap<Alias, Node>, lineOf: (offset: number) => number) {
    this.#aliases = aliases
    this.#lineOf = lineOf
  }

  valueOf(node: unknown): unknown {
    this.#read += 1
    if (this.#open.size > 0) this.#readByAlias += 1
    const isBlown = this.#readByAlias > 100 && this.#read > 1_000
    if (isBlown && this.#readByAlias / this.#read > mostByAlias) this.#fail(node, tooMuch)
    if (isAlias(node)) return this.#aliased(node, (target) => this.valueOf(target))
    if (isMap(node)) return this.#nested(node, () => Object.fromEntries(this.#entries(node, new Map())))
    if (isSeq(node)) return this.#nested(node, () => this.#items(node))
    if (!isScalar(node)) return null
    const { value } = this.#scalar(node)
    // JSON has neither.
    return typeof value === 'number' && !Number.isFinite(value)
      ? this.#refusal(node, 'a number is infinite, or not a number')
      : value
  }

  #items(node: YAMLSeq): unknown[] {
    return node.items.map((item, index) => this.#below(index, () => this.valueOf(item)))
  }

  /** @param into the fields of the object so far; later entries win, also over merged ones */
  #entries(node: YAMLMap, into: Map<string, unknown>): Map<string, unknown> {
    const written = new Set<string>()
    for (const { key, value } of node.items) {
      if (isMergeKey(key)) {
        this.#merge(value, into)
        continue
      }
      const name = this.#nameOf(key)
      if (name === undefined) {
        this.valueOf(value)
        into.set(nameless, this.#refusal(key, 'a key is null, or a number beyond 64 bits'))
        continue
      }
      this.#below(name, () => {
        if (written.has(name)) this.twice.push(this.#shownPath())
        written.add(name)
        into.set(name, this.valueOf(value))
      })
    }
    return into
  }

  #below<T>(step: string | number, read: () => T): T {
    this.#path.push(step)
    const value = read()
    this.#path.pop()
    return value
  }

  #shownPath(): string {
    const path = this.#path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
    return path.replace(/^\./, '')
  }

  #merge(node: unknown, into: Map<string, unknown>): void {
    if (isSeq(node)) {
      // The first of several counts.
      for (const item of node.items.toReversed()) this.#mergeOne(item, into)
    } else this.#mergeOne(node, into)
  }

  #mergeOne(node: unknown, into: Map<string, unknown>): void {
    if (isMap(node)) this.#nested(node, () => this.#entries(node, into))
    else if (isAlias(node) && isMap(this.#aliases.get(node)))
      this.#aliased(node, (target) => this.#mergeOne(target, into))
    else this.#fail(node, 'a merge key (<<) needs an object, or a list of objects')
  }

  /** @returns undefined for a key that JSON cannot have */
  #nameOf(key: unknown): string | undefined {
    const node = isAlias(key) ? this.#aliases.get(key) : key
    if (node === null) return undefined
    return isScalar(node) ? keyName(this.#scalar(node)) : this.#fail(key, 'a key is an object or a list')
  }

  /** Go's decoder accepts it; only the final document is converted to JSON. */
  #refusal(node: unknown, problem: string): Refusal {
    return new Refusal(this.#lineAt(node), problem)
  }

  #scalar(node: Scalar): GoScalar {
    const text = node.source ?? ''
    if (node.tag === undefined) return node.type === 'PLAIN' ? goScalar(text) : { is: 'text', value: text }
    return taggedScalar(node.tag, text) ?? this.#fail(node, 'a value does not fit its tag (!!name)')
  }

  #aliased<T>(alias: Alias, read: (target: unknown) => T): T {
    if (this.#open.has(alias)) this.#fail(alias, 'an alias (*name) is inside of its own anchor')
    this.#open.add(alias)
    const value = read(this.#aliases.get(alias))
    this.#open.delete(alias)
    return value
  }

  #nested<T>(node: Node, read: () => T): T {
    this.#depth += 1
    if (this.#depth > deepest) this.#fail(node, tooDeep)
    const value = read()
    this.#depth -= 1
    return value
  }

  #fail(node: unknown, problem: string): never {
    throw new UnreadableYaml(this.#lineAt(node), problem)
  }

  #lineAt(node: unknown): number {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
    return this.#lineOf(range?.[0] ?? 0)
  }
}

/**
 * A value that JSON cannot have. A later value for the same key replaces it, and the document is valid again.
 */
class Refusal {
  readonly line: number
  readonly problem: string

  constructor(line: number, problem: string) {
    this.line = line
    this.problem = problem
  }
}

/** The place for the value of a key without a name. YAML has no such character. */
const nameless = '\u0000'

function refuse(value: unknown): void {
  if (value instanceof Refusal) throw new UnreadableYaml(value.line, value.problem)
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(refuse)
}

/** Go's decoder merges at a plain `<<`, and at one with the tag. A quoted one is a key like any other. */
function isMergeKey(key: unknown): boolean {
  if (!isScalar(key) || key.source !== '<<') return false
  return key.tag === undefined
    ? key.type === 'PLAIN'
    : key.tag === '!' || key.tag === 'tag:yaml.org,2002:merge'
}

/**
 * The share of a large document that may come from aliases: as much as Go's decoder accepts in a small one.
 */
const mostByAlias = 0.99

const tooManyParts = 'it has too many values for YAML, more than some 15 MiB have; write it as JSON'
const tooMuch = 'its aliases expand to too much'
const noAnchor = 'an alias (*name) that no anchor (&name) before it defines; put it in quotes if it is a text'

/**
 * Characters that Go's decoder rejects, and characters that it takes for a line end although no editor shows
 * them. kubectl would read the text behind those, and this parser would not.
 */
const foreignCharacter = /[^\t\n\r\u0020-\u007e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

function foreignProblem(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  const hint = code === '0000' ? '; a file in UTF-16 has to begin with a byte order mark' : ''
  return `a character that YAML forbids (U+${code})${hint}`
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
