import { afterValue, depthOf, duplicateFields } from '../json/json-text.ts'
import { readGoYaml } from '../text/go-yaml.ts'
import { deepest, tooDeep, UnreadableYaml } from '../text/yaml-text.ts'

/** One document of a file, or why it is none. `line` counts from 1. */
export type ManifestDocument =
  | { readonly line: number; readonly value: unknown; readonly twice: readonly string[] }
  | { readonly line: number; readonly problem: string }

/**
 * The documents of a file as kubectl parts it (apimachinery's YAMLOrJSONDecoder): objects of JSON one after the other, or
 * documents of YAML with lines of `---` between. kubectl ends a file at its first mistake; here what follows is read too.
 */
export function* manifestsIn(text: string): Generator<ManifestDocument, void> {
  let at = 0
  if (/^\s*\{/.test(text)) {
    let count = 0
    for (;;) {
      at = afterWhiteSpace(text, at)
      if (at === text.length) return
      const end = afterValue(text, at)
      const json = text.slice(at, end)
      const value = parsedJson(json)
      if (value === undefined) break
      const line = lineAt(text, at)
      yield depthOf(json) > deepest
        ? { line, problem: tooDeep }
        : { line, value: value.is, twice: duplicateFields(json) }
      count += 1
      at = end
    }
    if (count > 1) {
      yield { line: lineAt(text, at), problem: 'what follows the JSON before it is no JSON' }
      return
    }
  }
  // One object of JSON may be the first of several documents of YAML.
  yield* yamlDocuments(text.slice(at), lineAt(text, at))
}

/** @param first the number of the first line */
function* yamlDocuments(text: string, first: number): Generator<ManifestDocument, void> {
  let lines: string[] = []
  let begin = first
  for (const [index, line] of text.split('\n').entries()) {
    // kubectl takes a comment there, and nothing else.
    const isBroken = /^---\s*[^\s#]/.test(line)
    // The line before the first document is part of it.
    if (!line.startsWith('---') || (lines.length === 0 && !isBroken)) {
      lines.push(line)
      continue
    }
    // Its last line has an end too.
    if (lines.length > 0) yield* yamlDocument([...lines, ''], begin)
    lines = []
    begin = first + index + 1
    if (isBroken)
      yield {
        line: first + index,
        problem: 'a line that begins with --- and goes on; a document begins on the next line',
      }
  }
  yield* yamlDocument(lines, begin)
}

function* yamlDocument(lines: readonly string[], begin: number): Generator<ManifestDocument, void> {
  if (lines.length === 0) return
  try {
    const { line, ...read } = readGoYaml(lines.join('\n'))
    yield { line: begin + line - 1, ...read }
  } catch (error) {
    if (!(error instanceof UnreadableYaml)) throw error
    const hint = lines.some((line) => line.includes('{{'))
      ? '; a template ({{ }}) has to be rendered first'
      : ''
    yield { line: begin + error.line - 1, problem: `${error.problem}${hint}` }
  }
}

/** The value in a box, since null is one too; undefined if it is no JSON. */
function parsedJson(text: string): { readonly is: unknown } | undefined {
  try {
    return { is: JSON.parse(text) as unknown }
  } catch {
    // It may be YAML all the same: {a: b}.
    return undefined
  }
}

function afterWhiteSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && /\s/.test(text.charAt(at))) at += 1
  return at
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
