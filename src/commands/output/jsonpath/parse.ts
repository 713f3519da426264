import { type List, type Node, type SliceParams, TemplateProblem } from './nodes.ts'
import { unquoted } from './unquote.ts'

/**
 * Reads a template of `kubectl -o jsonpath`, with kubectl's own rules, odd ones included
 * (k8s.io/client-go/util/jsonpath/parser.go).
 *
 * @throws TemplateProblem
 */
export function parseTemplate(text: string): readonly Node[] {
  const nodes: Node[] = []
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('{', at)
    const end = open === -1 ? text.length : open
    if (end > at) nodes.push({ type: 'text', text: text.slice(at, end) })
    if (open === -1) break
    const action = new Action(text, open + 1)
    nodes.push(action.read())
    at = action.at
  }
  return nodes
}

/** What stands between two braces. @throws TemplateProblem */
function parseAction(text: string): List {
  return new Action(`${text}}`, 0).read()
}

const isTerminator = (character: string): boolean => character === '' || /[ \t\r\n.,[\]$@{}]/.test(character)
const isAlphaNumeric = (character: string): boolean => /^[_\p{L}\p{Nd}]$/u.test(character)

class Action {
  at: number
  readonly #text: string
  readonly #nodes: Node[] = []

  constructor(text: string, at: number) {
    this.#text = text
    this.at = at
  }

  /** Reads to the closing brace. */
  read(): List {
    for (;;) {
      if (this.#takes('}')) return { type: 'list', nodes: this.#nodes }
      if (this.#takes('[?(')) this.#filter()
      else if (this.#takes('..')) this.#recursive()
      else this.#step()
    }
  }

  #step(): void {
    const character = this.#peek()
    if (character === '' || /[\r\n]/.test(character)) throw new TemplateProblem('unclosed action')
    if (/[-+\p{Nd}]/u.test(character)) this.#number()
    else if (isAlphaNumeric(character)) this.#identifier()
    else {
      this.at += 1
      this.#sign(character)
    }
  }

  #sign(character: string): void {
    switch (character) {
      case ' ':
      case '@':
      case '$':
        break
      case '[':
        this.#array()
        break
      case '"':
      case "'":
        this.#quote(character)
        break
      case '.':
        this.#field()
        break
      default:
        throw new TemplateProblem(`unrecognized character in action: ${character}`)
    }
  }

  #takes(prefix: string): boolean {
    if (!this.#text.startsWith(prefix, this.at)) return false
    this.at += prefix.length
    return true
  }

  #peek(): string {
    return this.#text.charAt(this.at)
  }

  /** `range`, `end`, `true`, `false`. */
  #identifier(): void {
    const name = this.#until(isTerminator)
    this.#nodes.push(
      name === 'true' || name === 'false'
        ? { type: 'value', value: name === 'true' }
        : { type: 'identifier', name },
    )
  }

  #until(ends: (character: string) => boolean): string {
    const start = this.at
    while (!ends(this.#peek())) this.at += 1
    return this.#text.slice(start, this.at)
  }

  #recursive(): void {
    if (this.#nodes.at(-1)?.type === 'recursive')
      throw new TemplateProblem('invalid multiple recursive descent')
    this.#nodes.push({ type: 'recursive' })
    if (isAlphaNumeric(this.#peek())) this.#field()
  }

  #field(): void {
    const start = this.at
    // A backslash takes what follows, so that a key may have a dot: `.labels.kubernetes\.io/hostname`.
    while (!isTerminator(this.#peek())) this.at += this.#peek() === '\\' ? 2 : 1
    const name = this.#text.slice(start, this.at)
    this.#nodes.push(name === '*' ? { type: 'wildcard' } : { type: 'field', name: name.replaceAll('\\', '') })
  }

  #number(): void {
    const sign = /[-+]/.test(this.#peek()) ? this.#text.charAt(this.at++) : ''
    const digits = this.#until((character) => !/^[.\p{Nd}]$/u.test(character))
    if (!/^(?:\d+\.?\d*|\.\d+)$/.test(digits))
      throw new TemplateProblem(`cannot parse number ${sign}${digits}`)
    this.#nodes.push({ type: 'value', value: Number(sign + digits) })
  }

  #quote(mark: string): void {
    const start = this.at - 1
    for (;;) {
      const character = this.#peek()
      if (character === '' || character === '\n') throw new TemplateProblem('unterminated quoted string')
      this.at += 1
      if (character === mark && this.#text.charAt(this.at - 2) !== '\\') break
    }
    this.#nodes.push({ type: 'text', text: unquoted(this.#text.slice(start, this.at)) })
  }

  /** `[*]`, `[1]`, `[0:2]`, `['key']`, `['a','b']`. */
  #array(): void {
    const inside = this.#until((character) => /^[\n\]]?$/.test(character))
    if (!this.#takes(']')) throw new TemplateProblem('unterminated array')
    const text = inside === '*' ? ':' : inside
    if (text.includes(',')) {
      const parts = text.split(',').map((part) => part.replace(/^ +| +$/g, ''))
      this.#nodes.push({ type: 'union', lists: parts.map((part) => parseAction(`[${part}]`)) })
      return
    }
    const key = /^'([^']*)'$/.exec(text)?.[1]
    if (key === undefined) this.#nodes.push({ type: 'slice', params: sliceOf(text) })
    else this.#nodes.push(...parseAction(`.${key}`).nodes)
  }

  /** `[?(@.x=="y")]`: behind `[?(`. A quote may have a bracket in it. */
  #filter(): void {
    const start = this.at
    let mark: string | undefined
    let isClosed = false
    for (;;) {
      const character = this.#peek()
      if (character === '' || character === '\n') throw new TemplateProblem('unterminated filter')
      this.at += 1
      if (character === ')' && (mark !== undefined) === isClosed) break
      if (character !== '"' && character !== "'") continue
      if (mark === undefined) mark = character
      else if (character === mark && this.#text.charAt(this.at - 2) !== '\\') isClosed = true
    }
    const text = this.#text.slice(start, this.at - 1)
    if (!this.#takes(']')) throw new TemplateProblem('unclosed array expect ]')
    const [, left = text, operator = 'exists', right] = /^([^!<>=]+)([!<>=]+)(.+?)$/.exec(text) ?? []
    const nothing: List = { type: 'list', nodes: [] }
    this.#nodes.push({
      type: 'filter',
      left: parseAction(left),
      operator,
      right: right === undefined ? nothing : parseAction(right),
    })
  }
}

function sliceOf(text: string): SliceParams {
  const parts = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/.exec(text)
  if (!parts) throw new TemplateProblem(`invalid array index ${text}`)
  const [, first = '', second, third] = parts
  const from = numberOf(first)
  return second === undefined
    ? { from, to: (from ?? 0) + 1, isOne: true, step: undefined }
    : { from, to: numberOf(second.slice(1)), isOne: false, step: numberOf((third ?? ':').slice(1)) }
}

function numberOf(text: string): number | undefined {
  if (text === '-') throw new TemplateProblem('array index - is not a number')
  return text === '' ? undefined : Number(text)
}
