import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../fixtures/root.ts'

/** The folders whose findings and answers say what to do. */
const rooms = ['rules', 'gate', 'commands/doctor', 'commands/evict'] as const

/** Fields that say what to do. */
const fields: ReadonlySet<string> = new Set(['next', 'look', 'remedy'])

/** Calls whose argument at this place says what to do. */
const calls: ReadonlyMap<string, number> = new Map([
  ['notKnown', 3],
  ['impossible', 0],
])

/** A text with a command or a sentence in it; names and joints are shorter. */
const isAdvice = (text: string): boolean => (text.match(/[a-z]{2,}/gi)?.length ?? 0) >= 3

/** A piece of advice as it stands in a source; what is put in is `…`. */
export interface Spoken {
  /** Below `src`, without `.ts`. */
  readonly source: string
  readonly text: string
}

/** The rooms whose errors people read. */
const doors = ['commands', 'server', 'kubernetes', 'doors', 'time', 'tls', 'configuration'] as const

/** The functions that build help: help states facts, not advice. */
const help: ReadonlySet<string> = new Set([
  'description',
  'option',
  'addHelpText',
  'Option',
  'VariableOption',
])

/** A sentence, or the rest of one, that begins with what to do; or a command. */
const givesAdvice =
  /(?:^|[.;:,(]\s+|, or )(?:name|make|install|say|use|add|choose|take|leave|give|look|run|put|write|delete|set|ask|read|start|send|correct|try|check)\b|(?:^|: )(?:holdfast|kubectl) [a-z]|\bto go on|\bgo on with:/i

/** Files of commands whose texts are findings, which {@link spokenAdvice} reads, or a story. */
const noErrors =
  /^(?:doctor\/(?!command|gather|cluster-reader|prove-guard)|evict\/(?:next-|remains|plan\.)|sandbox\/demo)/

/** Errors of commands and doors that tell what to do. */
export function spokenErrors(): Spoken[] {
  const found = new Map<string, Spoken>()
  for (const door of doors) {
    for (const name of readdirSync(join(root, 'src', door), { recursive: true, encoding: 'utf8' })) {
      // The meaning of each setting.
      if (!name.endsWith('.ts') || name === 'settings.ts') continue
      if (door === 'commands' && noErrors.test(name)) continue
      const source = `${door}/${name.replace(/\.ts$/, '')}`
      visit(parsed(`${door}/${name}`), (node) => {
        const text = textOf(node)
        if (text === undefined || !isAdvice(text) || !givesAdvice.test(text) || isHelp(node)) return
        found.set(keyOf({ source, text }), { source, text })
      })
    }
  }
  return [...found.values()]
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (!ts.isTemplateExpression(node)) return undefined
  return node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')
}

function isHelp(text: ts.Node): boolean {
  for (let node = text; !ts.isSourceFile(node); node = node.parent) {
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) continue
    const { expression } = node
    const name = ts.isPropertyAccessExpression(expression) ? expression.name : expression
    if (ts.isIdentifier(name) && help.has(name.text)) return true
  }
  return false
}

/**
 * Every text of the sources that ends in a field which says what to do: the field's own, and those of the constants and
 * functions that it is made with.
 */
export function spokenAdvice(): Spoken[] {
  const sources = rooms.flatMap((room) =>
    readdirSync(join(root, 'src', room))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => parsed(`${room}/${name}`)),
  )
  const texts = new Texts(sources)
  for (const source of sources) visit(source, (node) => texts.begin(node))
  return texts.found()
}

function parsed(path: string): ts.SourceFile {
  const text = readFileSync(join(root, 'src', path), 'utf8')
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node)
  node.forEachChild((child) => visit(child, see))
}

/** Follows what is said back to the texts that it is made of, by names. */
class Texts {
  readonly #found = new Map<string, Spoken>()
  readonly #seen = new Set<ts.Node>()
  readonly #functions = new Map<string, ts.FunctionDeclaration[]>()
  readonly #constants = new Map<string, ts.VariableDeclaration[]>()
  readonly #calls = new Map<string, ts.CallExpression[]>()

  constructor(sources: readonly ts.SourceFile[]) {
    for (const source of sources)
      visit(source, (node) => {
        if (ts.isFunctionDeclaration(node) && node.name) add(this.#functions, node.name.text, node)
        if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name))
          add(this.#constants, node.name.text, node)
        if (ts.isCallExpression(node) && ts.isIdentifier(node.expression))
          add(this.#calls, node.expression.text, node)
      })
  }

  /** Looks whether something is said here. */
  begin(node: ts.Node): void {
    if (ts.isPropertyAssignment(node) && fields.has(nameOf(node.name))) this.#follow(node.initializer)
    if (ts.isShorthandPropertyAssignment(node) && fields.has(node.name.text)) this.#name(node.name)
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return
    const place = calls.get(node.expression.text)
    const said = place === undefined ? undefined : node.arguments[place]
    if (said) this.#follow(said)
  }

  /** Sorted, each once. */
  found(): Spoken[] {
    return [...this.#found.values()].toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  #follow(node: ts.Node): void {
    if (this.#seen.has(node)) return
    this.#seen.add(node)
    const text = textOf(node)
    if (text !== undefined) this.#say(node, text)
    if (ts.isTemplateExpression(node)) {
      for (const { expression } of node.templateSpans) this.#follow(expression)
    } else if (ts.isIdentifier(node)) this.#name(node)
    else if (ts.isCallExpression(node)) {
      if (ts.isIdentifier(node.expression)) this.#called(node.expression.text)
    } else if (ts.isConditionalExpression(node)) {
      this.#follow(node.whenTrue)
      this.#follow(node.whenFalse)
    } else if (!ts.isPropertyAccessExpression(node)) node.forEachChild((child) => this.#follow(child))
  }

  #name(name: ts.Identifier): void {
    const parameter = parameterOf(name)
    if (parameter) {
      const { place, of } = parameter
      for (const call of this.#calls.get(of) ?? []) {
        const given = call.arguments[place]
        if (given && call.getSourceFile() === name.getSourceFile()) this.#follow(given)
      }
      return
    }
    const all = this.#constants.get(name.text) ?? []
    const own = all.filter((each) => each.getSourceFile() === name.getSourceFile())
    for (const { initializer } of own.length > 0 ? own : all.filter(isExported))
      if (initializer) this.#follow(initializer)
  }

  /** The result of a function. */
  #called(name: string): void {
    for (const { body } of this.#functions.get(name) ?? [])
      if (body)
        visit(body, (node) => {
          if (ts.isReturnStatement(node) && node.expression) this.#follow(node.expression)
        })
  }

  #say(node: ts.Node, text: string): void {
    if (!isAdvice(text)) return
    const source = node.getSourceFile().fileName.replace(/\.ts$/, '')
    const spoken = { source, text }
    this.#found.set(keyOf(spoken), spoken)
  }
}

function keyOf({ source, text }: Spoken): string {
  return `${source}: ${text}`
}

function nameOf(name: ts.PropertyName): string {
  return ts.isIdentifier(name) ? name.text : ''
}

function add<T>(map: Map<string, T[]>, name: string, value: T): void {
  map.set(name, [...(map.get(name) ?? []), value])
}

function isExported(node: ts.VariableDeclaration): boolean {
  return ts.isSourceFile(node.parent.parent.parent)
}

/** The function, by the name that it is called by, that has this name as a parameter, and at which place. */
function parameterOf(name: ts.Identifier): { readonly of: string; readonly place: number } | undefined {
  for (let node: ts.Node = name; !ts.isSourceFile(node); node = node.parent) {
    if (!ts.isFunctionLike(node)) continue
    const place = node.parameters.findIndex(
      (each) => ts.isIdentifier(each.name) && each.name.text === name.text,
    )
    if (place < 0) continue
    if (ts.isFunctionDeclaration(node)) return { of: node.name?.text ?? '', place }
    const holder = node.parent
    if (ts.isVariableDeclaration(holder) && ts.isIdentifier(holder.name))
      return { of: holder.name.text, place }
    return undefined
  }
  return undefined
}
