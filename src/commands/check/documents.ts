import { isJsonObject, type JsonObject } from '../../json/schema.ts'
import { afterValue, depthOf, duplicateFields } from '../../json/text.ts'
import { allKinds, group, version } from '../../longhorn/kinds.ts'
import type { JudgedKind } from '../../rules/change.ts'
import { readGoYaml } from '../../text/go-yaml.ts'
import { nearest } from '../../configuration/layer.ts'
import { FieldLines } from '../../text/field-lines.ts'
import { deepest, tooDeep, UnreadableYaml } from '../../text/yaml.ts'
import { type Place, placeWithin, wholeFile } from './place.ts'
import { snapshotVersion } from './snapshot.ts'

/** One object of a file, or the reason why it is none. */
export type CheckDocument =
  | {
      /** `file.yaml:12`, so that a person finds it. */
      readonly source: string
      readonly place: Place
      readonly object: JsonObject
      /** Duplicate fields of one object: `spec.tags`. */
      readonly twice: readonly string[]
      /** When its snapshot was taken, in milliseconds since the epoch; absent without a time. */
      readonly takenAt?: number
    }
  | {
      readonly source: string
      readonly place: Place
      readonly problem: string
      /** True if it can be read and is something else than an object. */
      readonly isOther?: true
    }

/**
 * The objects in a file as kubectl reads it: several documents, lists (`kind: List`, and those of kubectl),
 * snapshots. It skips empty documents. An unreadable one keeps its place in the result.
 *
 * @param wholeKinds called with kinds of which a document has all objects, even none
 */
export function documentsIn(
  text: string,
  path: string,
  wholeKinds: (kinds: readonly string[]) => void = () => undefined,
): CheckDocument[] {
  return [...manifestsIn(text)].flatMap((document): CheckDocument[] => {
    const { line } = document
    const at = { source: `${path}:${line}`, place: { file: path, line } }
    if ('problem' in document) return [{ ...at, problem: document.problem }]
    const { value, twice, fields } = document
    if (value === null) return []
    if (!isJsonObject(value)) return [{ ...at, problem: 'a document has to be an object', isOther: true }]
    if (isOtherSnapshot(value)) return [{ ...at, problem: otherSnapshot(value.apiVersion) }]
    wholeKinds(wholeKindsOf(value))
    const takenAt = timeOf(value)
    if (takenAt !== undefined && Number.isNaN(takenAt))
      return [{ ...at, problem: 'takenAt is not a time such as 2026-11-23T18:00:00Z' }]
    const place = { ...at.place, fields }
    return flat({ ...at, place, object: value, twice, ...(takenAt === undefined ? {} : { takenAt }) })
  })
}

/** A file without a document. @param path as the user named it */
export function emptyFile(path: string): CheckDocument {
  const place = wholeFile(path === '-' ? undefined : path)
  return { source: path, place, problem: 'it is empty', isOther: true }
}

/** A list form that this version does not know; its items may mean something else. */
function isOtherSnapshot({ apiVersion, kind }: JsonObject): boolean {
  const [group] = snapshotVersion.split('/')
  return kind === 'Snapshot' && String(apiVersion).split('/')[0] === group && apiVersion !== snapshotVersion
}

function otherSnapshot(apiVersion: unknown): string {
  return `it is a Snapshot of ${String(apiVersion)}, and this holdfast reads ${snapshotVersion}. Write it again with holdfast snapshot, or use the holdfast that wrote it`
}

/** The kinds that a snapshot lists as read, or the one of a typed list of kubectl. */
function wholeKindsOf(document: JsonObject): readonly string[] {
  const { apiVersion, kind, kinds, takenAt } = document
  if (apiVersion === snapshotVersion && kind === 'Snapshot') {
    if (Array.isArray(kinds)) return kinds.filter((each): each is string => typeof each === 'string')
    // `holdfast snapshot` writes all kinds. A person may shorten the file by its replicas, which are most of it.
    return takenAt === undefined ? [] : allKinds.filter((each) => each !== 'Replica')
  }
  const isTyped = typeof kind === 'string' && kind !== 'List' && kind.endsWith('List')
  return isTyped ? [kind.slice(0, -'List'.length)] : []
}

/** When a snapshot was taken; NaN for an unreadable time, undefined without one or for another document. */
function timeOf({ apiVersion, kind, takenAt }: JsonObject): number | undefined {
  if (apiVersion !== snapshotVersion || kind !== 'Snapshot' || takenAt === undefined) return undefined
  return typeof takenAt === 'string' && rfc3339.test(takenAt) ? Date.parse(takenAt) : NaN
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)$/

/** As in kubectl, an object with `items` is a list. */
function flat(document: Extract<CheckDocument, { object: JsonObject }>): CheckDocument[] {
  const { source, place, object, twice, ...taken } = document
  if (!('items' in object)) return [document]
  const items = object.items ?? []
  if (!Array.isArray(items)) return [{ source, place, problem: 'items has to be a list' }]
  const list: readonly unknown[] = items
  return list.flatMap((item, index) => {
    const its = `${source} items[${index}]`
    const at = { source: its, place: placeWithin(place, `items[${index}]`) }
    if (!isJsonObject(item)) return [{ ...at, problem: 'an item has to be an object' }]
    const own = twice.flatMap((path) => withinItem(path, index) ?? [])
    return flat({ ...at, object: { ...inherited(object, item), ...item }, twice: own, ...taken })
  })
}

/** The path below an item. A duplicate in the list itself concerns every item, one in an item only that. */
function withinItem(path: string, index: number): string | undefined {
  const [, its, below] = /^items\[(\d+)\]\.?(.*)$/s.exec(path) ?? []
  if (its === undefined) return path
  return Number(its) === index ? below : undefined
}

/** The items of a typed list omit their kind. */
function inherited({ apiVersion, kind }: JsonObject, item: JsonObject): JsonObject {
  if ('apiVersion' in item || 'kind' in item || typeof kind !== 'string') return {}
  return kind.endsWith('List') && kind !== 'List' ? { apiVersion, kind: kind.slice(0, -'List'.length) } : {}
}

/** One document of a file, or the reason why it is none. `line` counts from 1. */
type ManifestDocument =
  | {
      readonly line: number
      readonly value: unknown
      readonly twice: readonly string[]
      readonly fields: FieldLines
    }
  | { readonly line: number; readonly problem: string }

/**
 * The documents of a file as kubectl splits it (apimachinery's YAMLOrJSONDecoder): JSON objects one after the
 * other, or YAML documents separated by lines of `---`. kubectl stops at the first mistake in a file; this
 * goes on.
 */
function* manifestsIn(text: string): Generator<ManifestDocument, void> {
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
        : { line, value: value.is, twice: duplicateFields(json), fields: new FieldLines(json, line) }
      count += 1
      at = end
    }
    if (count > 1) {
      yield { line: lineAt(text, at), problem: 'the text after the first JSON object is not JSON' }
      return
    }
  }
  // A JSON object may be the first of several YAML documents.
  yield* yamlDocuments(text.slice(at), lineAt(text, at))
}

/** @param first the number of the first line */
function* yamlDocuments(text: string, first: number): Generator<ManifestDocument, void> {
  let lines: string[] = []
  let begin = first
  for (const [index, line] of text.split('\n').entries()) {
    // kubectl accepts a comment there, and nothing else.
    const isBroken = /^---\s*[^\s#]/.test(line)
    // The line before the first document is part of it.
    if (!line.startsWith('---') || (lines.length === 0 && !isBroken)) {
      lines.push(line)
      continue
    }
    // The last line counts even without a line end.
    if (lines.length > 0) yield* yamlDocument([...lines, ''], begin)
    lines = []
    begin = first + index + 1
    if (isBroken)
      yield {
        line: first + index,
        problem: 'a line begins with --- and goes on; begin the document on the next line',
      }
  }
  yield* yamlDocument(lines, begin)
}

function* yamlDocument(lines: readonly string[], begin: number): Generator<ManifestDocument, void> {
  if (lines.length === 0) return
  const text = lines.join('\n')
  try {
    const { line, ...read } = readGoYaml(text)
    yield { line: begin + line - 1, ...read, fields: new FieldLines(text, begin) }
  } catch (error) {
    if (!(error instanceof UnreadableYaml)) throw error
    const hint = lines.some((line) => line.includes('{{'))
      ? '; a template ({{ }}) has to be rendered first'
      : ''
    yield { line: begin + error.line - 1, problem: `${error.problem}${hint}` }
  }
}

/** The value in a box, since null is a value too; undefined if it is not JSON. */
function parsedJson(text: string): { readonly is: unknown } | undefined {
  try {
    return { is: JSON.parse(text) as unknown }
  } catch {
    // It may still be YAML: {a: b}.
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

/** Kinds of Longhorn that no rule looks at. */
const otherKinds = [
  ...['BackingImageManager', 'Backup', 'BackupBackingImage', 'BackupTarget', 'BackupVolume', 'Engine'],
  ...['EngineImage', 'InstanceManager', 'Orphan', 'RecurringJob', 'Replica', 'Setting', 'ShareManager'],
  ...['Snapshot', 'SupportBundle', 'SystemBackup', 'SystemRestore', 'Volume', 'VolumeAttachment'],
]

const judgedKinds: readonly JudgedKind[] = ['Node', 'BackingImage', 'BackingImageDataSource']

/** Versions that Longhorn serves, or has served: an API server rejects any other. */
const versions: readonly string[] = ['v1beta1', version]

/**
 * The guard's view of `apiVersion` and `kind`: the judged kind, one that it does not judge, or an unknown
 * one.
 */
type KindFound =
  | { readonly is: 'judged'; readonly kind: JudgedKind }
  | { readonly is: 'other' }
  | { readonly is: 'none'; readonly problem: string }

/**
 * Distinguishes objects that the guard judges from others, and from those that an API server is known to
 * reject.
 */
export function kindFound(apiVersion: unknown, kind: unknown): KindFound {
  if (typeof kind !== 'string' || kind === '') return none('it has no kind, so it is not a Kubernetes object')
  if (typeof apiVersion !== 'string' || apiVersion === '')
    return none('it has no apiVersion, so it is not a Kubernetes object')
  const [its = '', version] = apiVersion.split('/')
  const judged = judgedKinds.find((each) => each === kind)
  if (its !== group) return elsewhere(its, kind, judged !== undefined)
  if (version === undefined || !versions.includes(version))
    return none(`${group} has no version ${version ?? ''}`.trimEnd() + `; it is ${versions.join(' or ')}`)
  if (judged !== undefined) return { is: 'judged', kind: judged }
  if (otherKinds.includes(kind)) return { is: 'other' }
  // Longhorn may have kinds that are newer than this list.
  const meant = nearest(kind, [...judgedKinds, ...otherKinds])
  return meant === undefined ? { is: 'other' } : none(`${group} has no kind ${kind}; did you mean ${meant}?`)
}

/** The guard does not judge core nodes. A group that is almost Longhorn's is a typo. */
function elsewhere(its: string, kind: string, isJudged: boolean): KindFound {
  const isSlip = nearest(its, [group]) !== undefined || /longhorn/i.test(its)
  if (isJudged && (isSlip || kind !== 'Node')) return none(`${kind} is not of ${its}; did you mean ${group}?`)
  return { is: 'other' }
}

function none(problem: string): KindFound {
  return { is: 'none', problem }
}
