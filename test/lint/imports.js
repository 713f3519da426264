import { readFileSync, readdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

/**
 * What a file takes from others and gives to them.
 *
 * @typedef {{ from: string, names: string[] | 'all' }} Import `from` is a path as the file's own is
 * @typedef {{ imports: Import[], exports: string[] }} Module
 */

/**
 * Reads the imports and exports of files, those of types included.
 *
 * @param {ReadonlyMap<string, string>} texts the text of each file by its path from the root of the repository
 * @returns {Map<string, Module>} by the same path
 */
export function modulesOf(texts) {
  return new Map([...texts].map(([path, text]) => [path, moduleOf(path, text)]))
}

/**
 * The texts of all TypeScript files below some folders.
 *
 * @param {string} root of the repository
 * @param {readonly string[]} folders below it
 * @returns {Map<string, string>}
 */
export function readTexts(root, folders) {
  const texts = new Map()
  for (const folder of folders)
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
      if (entry.isFile() && isRead(join(entry.parentPath, entry.name))) {
        const path = join(entry.parentPath, entry.name)
        texts.set(posix.relative(root, path), readFileSync(path, 'utf8'))
      }
  return texts
}

/** What a browser gets is not built, so it is JavaScript. @param {string} path */
function isRead(path) {
  return path.endsWith('.ts') || (path.endsWith('.js') && path.includes('/browser/'))
}

/**
 * Finds files that import each other, directly or over others. Imports of types count: files in a circle cannot be
 * read one after the other either.
 *
 * @param {ReadonlyMap<string, Module>} modules
 * @returns {string[][]} each circle as the paths in it, in the order of their imports
 */
export function circlesOf(modules) {
  const circles = []
  const done = new Set()
  /** @param {string} path @param {string[]} way that led to it */
  const visit = (path, way) => {
    const at = way.indexOf(path)
    if (at >= 0) circles.push(way.slice(at))
    if (at >= 0 || done.has(path)) return
    for (const { from } of modules.get(path)?.imports ?? [])
      if (modules.has(from)) visit(from, [...way, path])
    done.add(path)
  }
  for (const path of modules.keys()) visit(path, [])
  return circles
}

/**
 * Finds what a file of `src` exports although no other file imports it.
 *
 * @param {ReadonlyMap<string, Module>} modules those of `src` and all that may use them
 * @returns {string[]} each as `path#name`
 */
export function unusedExports(modules) {
  const used = new Set()
  for (const { imports } of modules.values())
    for (const { from, names } of imports) {
      const taken = names === 'all' ? (modules.get(from)?.exports ?? []) : names
      for (const name of taken) used.add(`${from}#${name}`)
    }
  return [...modules]
    .filter(([path]) => path.startsWith('src/'))
    .flatMap(([path, { exports }]) => exports.map((name) => `${path}#${name}`))
    .filter((name) => !used.has(name))
}

/** @param {string} path @param {string} text @returns {Module} */
function moduleOf(path, text) {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  /** @type {Import[]} */
  const imports = []
  /** @type {string[]} */
  const exports = []
  const resolve = (/** @type {string} */ specifier) => posix.join(posix.dirname(path), specifier)
  /** @param {ts.Node} node */
  const visit = (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      const specifier = /** @type {ts.StringLiteral} */ (node.moduleSpecifier).text
      if (specifier.startsWith('.')) imports.push({ from: resolve(specifier), names: namesIn(node) })
    }
    const imported = lazilyImported(node)
    if (imported?.startsWith('.')) imports.push({ from: resolve(imported), names: 'all' })
    ts.forEachChild(node, visit)
  }
  visit(source)
  // Types that JavaScript takes, in comments.
  for (const [, names = '', specifier = ''] of text.matchAll(/@import \{ ([^}]+) \} from '(\.[^']+)'/g))
    imports.push({ from: resolve(specifier), names: names.split(/, */) })
  for (const statement of source.statements) exports.push(...exportedBy(statement))
  return { imports, exports }
}

/** @param {ts.ImportDeclaration | ts.ExportDeclaration} node @returns {string[] | 'all'} */
function namesIn(node) {
  const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause
  if (!bindings) return ts.isImportDeclaration(node) ? [] : 'all'
  if (!ts.isNamedImports(bindings) && !ts.isNamedExports(bindings)) return 'all'
  return bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text)
}

/** The module of `import('…')`, as a value or as a type. @param {ts.Node} node @returns {string | undefined} */
function lazilyImported(node) {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments
    return argument && ts.isStringLiteral(argument) ? argument.text : undefined
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument
    return ts.isStringLiteral(literal) ? literal.text : undefined
  }
  return undefined
}

/** @param {ts.Statement} statement @returns {string[]} */
function exportedBy(statement) {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : []
  if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name)
        ? [name.text]
        : name.elements.flatMap((element) =>
            'name' in element && ts.isIdentifier(element.name) ? [element.name.text] : [],
          ),
    )
  const { name } = /** @type {ts.DeclarationStatement} */ (statement)
  return name && ts.isIdentifier(name) ? [name.text] : []
}
