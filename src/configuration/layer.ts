import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import { type Document, isMap, LineCounter } from 'yaml'
import { namesRelease, releaseExamples } from '../longhorn/releases.ts'
import { ruleNames } from '../rules/finding.ts'
import { parseYaml, UnreadableYaml, valueOf } from '../text/yaml.ts'
import { releaseFormat, type SettingName, settingNames, type Settings, SettingsSchema } from './settings.ts'
import { sizePattern } from './size.ts'

/** The settings of one source, or all of its errors, one sentence each. */
export type Layer =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly string[] }

let compiled: ValidateFunction<Settings> | undefined

/** Compiled at the first call: most commands only look for the nearest name here. */
function validator(): ValidateFunction<Settings> {
  return (compiled ??= new Ajv({
    allErrors: true,
    verbose: true,
    meta: false,
    validateSchema: false,
    formats: { [releaseFormat]: namesRelease },
  }).compile<Settings>(SettingsSchema))
}

/**
 * Reads the configuration file.
 *
 * @param text YAML; an empty file is an empty configuration
 * @param path for messages only
 */
export function layerFromFile(text: string, path: string): Layer {
  const lines = new LineCounter()
  let document: Document.Parsed
  let value: unknown
  try {
    document = parseYaml(text, lines)
    value = valueOf(document, lines) ?? {}
  } catch (error) {
    if (!(error instanceof UnreadableYaml)) throw error
    return { ok: false, problems: [`${path}: ${error.message}`] }
  }
  return check(value, (error) => {
    const at = lineOf(document, lines, error)
    return `${path}${at === undefined ? '' : `:${at}`}: ${whatIsWrong(error, keyOf(error))}`
  })
}

/**
 * Reads settings that are texts, from flags or environment variables.
 *
 * @param texts `rules` as `rule=mode`, several separated by commas
 * @param nameOf the name of a setting in this source, for messages
 */
export function layerFromTexts(
  texts: Readonly<Partial<Record<SettingName, string>>>,
  nameOf: (setting: SettingName) => string,
): Layer {
  const value: Record<string, unknown> = {}
  for (const name of settingNames) {
    const text = texts[name]
    if (text !== undefined) value[name] = name === 'rules' ? readRules(text) : readScalar(name, text)
  }
  return check(value, (error) => {
    const [setting] = keyOf(error)
    const known = settingNames.find((name) => name === setting)
    return `${known ? nameOf(known) : 'settings'}: ${whatIsWrong(error, keyOf(error).slice(1))}`
  })
}

function check(value: unknown, describe: (error: ErrorObject) => string): Layer {
  const validate = validator()
  if (validate(value)) return { ok: true, settings: value }
  // A union yields an error for each branch; the one for the whole union says it best.
  const all = validate.errors ?? []
  const unions = new Set(
    all.flatMap(({ keyword, instancePath }) => (keyword === 'anyOf' ? instancePath : [])),
  )
  const errors = all.filter(({ keyword, instancePath }) => keyword === 'anyOf' || !unions.has(instancePath))
  return { ok: false, problems: [...new Set(errors.map(describe))] }
}

function readRules(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.trim().split('='))
  return Object.fromEntries(pairs.map(([rule, mode]) => [rule ?? '', mode ?? '']))
}

const numbers: ReadonlySet<SettingName> = new Set([
  'port',
  'healthPort',
  'operatorPort',
  'maxHolds',
  'maxFlaggedNodes',
  'maxPendingCleanups',
  'auditFiles',
])

const lists: ReadonlySet<SettingName> = new Set([
  'clientNames',
  'overrideGroups',
  'overrideExcept',
  'impatient',
])

function readScalar(name: SettingName, text: string): string | number | string[] {
  if (lists.has(name)) return text.split(',').map((item) => item.trim())
  return numbers.has(name) && /^\d+$/.test(text) ? Number(text) : text
}

/** The keys that lead to the error. */
function keyOf(error: ErrorObject): string[] {
  const path = error.instancePath.split('/').slice(1)
  const { additionalProperty } = error.params
  return typeof additionalProperty === 'string' ? [...path, additionalProperty] : path
}

function whatIsWrong(error: ErrorObject, key: readonly string[]): string {
  const name = key.join('.')
  if (error.keyword === 'additionalProperties') {
    const last = key.at(-1) ?? ''
    if (error.instancePath === '/rules') return noRule(last)
    const guess = nearest(last, settingNames)
    return `unknown key "${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`
  }
  const value = JSON.stringify(error.data)
  const subject = name === '' ? value : `${name} is ${value}, but`
  switch (error.keyword) {
    case 'anyOf':
      if (error.data === '' && error.instancePath.startsWith('/rules/'))
        return `${name} needs a mode: ${choices(error)
          .map((mode) => `${key.at(-1)}=${mode}`)
          .join(', ')}`
      return `${subject} must be one of ${choices(error).join(', ')}`
    case 'pattern':
      return error.params.pattern === sizePattern
        ? `${subject} must be a size such as 512Ki or 50Mi`
        : `${subject} must be a duration such as 500ms, 5s or 1m30s`
    case 'format':
      return `${subject} must be ${releaseExamples}`
    case 'minLength':
      return `${subject} must not be empty`
    case 'type':
    case 'minimum':
    case 'maximum':
      return `${subject} must be ${wanted(error)}`
    default:
      return `${subject} ${error.message ?? 'is not valid'}`
  }
}

function noRule(name: string): string {
  const guess = nearest(name, ruleNames)
  const advice =
    guess === undefined ? `. The rules are ${ruleNames.join(', ')}` : `; did you mean "${guess}"?`
  return `there is no rule "${name}"${advice}`
}

/** The form that a value must have, by its schema. */
function wanted({ parentSchema = {} }: ErrorObject): string {
  const { type, minimum, maximum }: Readonly<Record<string, unknown>> = parentSchema
  if (type === 'integer' && typeof maximum === 'number') return `a port, ${String(minimum)} to ${maximum}`
  if (type === 'integer') return `a whole number${typeof minimum === 'number' ? `, at least ${minimum}` : ''}`
  return kindsOfValues[String(type)] ?? String(type)
}

const kindsOfValues: Readonly<Record<string, string>> = {
  object: 'a map of keys and values',
  array: 'a list',
  string: 'a text',
  boolean: 'true or false',
}

function choices(error: ErrorObject): string[] {
  const branches: unknown = error.schema
  if (!Array.isArray(branches)) return []
  return branches.flatMap((branch: unknown) =>
    typeof branch === 'object' && branch !== null && 'const' in branch ? [String(branch.const)] : [],
  )
}

function lineOf(document: Document, lines: LineCounter, error: ErrorObject): number | undefined {
  const key = keyOf(error)
  const parent = key.length > 1 ? document.getIn(key.slice(0, -1), true) : document.contents
  if (!isMap(parent)) return undefined
  const pair = parent.items.find(({ key: node }) => String(node) === key.at(-1))
  const node = pair?.key
  const offset = typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined
  return Array.isArray(offset) && typeof offset[0] === 'number' ? lines.linePos(offset[0]).line : undefined
}

/** The known words, the most similar first; equally similar ones keep their order. */
export function nearestFirst(word: string, known: readonly string[]): string[] {
  return known
    .map((each) => ({ each, away: distance(word, each) }))
    .toSorted((a, b) => a.away - b.away)
    .map(({ each }) => each)
}

/** The known word that the user probably meant; undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const candidate = closest(word, known)
  return distance(word, candidate) <= Math.max(2, Math.floor(word.length / 3)) ? candidate : undefined
}
