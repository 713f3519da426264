import { type Definition, type Field, type Fields, fieldsRead } from '../../longhorn/definition.ts'
import { group, type Kind, kinds, version } from '../../longhorn/kinds.ts'
import { knownInSpec } from '../check/known-fields.ts'

/** A difference between a definition and what Holdfast reads, or an older definition. */
export interface Difference {
  readonly kind: Kind
  /** `spec.disks.*.tags`; empty for the definition itself. */
  readonly path: string
  /** `broken`: Holdfast depends on it. `new`: something that the rules do not know. `changed`: since the older definition. */
  readonly what: 'broken' | 'new' | 'changed'
  /** One sentence. */
  readonly text: string
}

/**
 * The differences between a definition and what this version of Holdfast reads: fields that are gone or have another type,
 * fields of spec that are new, and values that no rule knows.
 */
export function differencesOf(definition: Definition): Difference[] {
  const { kind, fields } = definition
  return [
    ...namesOf(definition),
    ...(fields === undefined
      ? [at(kind, '', 'broken', `it does not serve version ${version}, the only one that is read`)]
      : [...misfits(kind, fields), ...newInSpec(kind, fields), ...newValues(kind, fields)]),
  ]
}

/** The differences between two definitions of one kind, whether Holdfast reads the fields or not. */
export function changesSince(before: Definition, { kind, fields = new Map() }: Definition): Difference[] {
  const old: Fields = before.fields ?? new Map()
  const read = fieldsRead(kind)
  const changed = (path: string, text: string) =>
    at(kind, path, 'changed', `${text}${read.has(path) ? ', and Holdfast reads it' : ''}`)
  // One line for a new or removed field is enough, without those below it.
  const gone = [...old.keys()]
    .filter((path) => !fields.has(path) && fields.has(above(path)))
    .map((path) => changed(path, 'it is gone'))
  const others = [...fields].flatMap(([path, field]) => {
    const was = old.get(path)
    if (was === undefined) return old.has(above(path)) ? [changed(path, `it is new (${field.type})`)] : []
    return alike(was, field) ? [] : [changed(path, `it was ${inWords(was)} and is ${inWords(field)}`)]
  })
  return [...gone, ...others].toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function namesOf({ kind, plural, shortNames, isNamespaced, fields, hasStatus }: Definition): Difference[] {
  const facts = kinds[kind]
  const problems = [
    plural === facts.plural ? [] : `its plural is ${plural}, and the registration names ${facts.plural}`,
    isNamespaced ? [] : 'its objects are in no namespace',
    shortNames.includes(facts.shortName) ? [] : `kubectl knows it no longer as ${facts.shortName}`,
    hasStatus || fields === undefined
      ? []
      : 'its status is no subresource, so a write to it is a write to the object',
  ]
  return problems.flat().map((text) => at(kind, '', 'broken', text))
}

/** The fields that Holdfast reads and the definition lacks, or has with another type. */
function* misfits(kind: Kind, fields: Fields): Generator<Difference, void> {
  for (const [path, { type }] of fieldsRead(kind)) {
    if (isBelowOpen(path, fields)) continue
    const theirs = fields.get(path)
    if (theirs === undefined) {
      // The field above says it for all that is below.
      if (path === '' || fields.has(above(path)))
        yield at(kind, path, 'broken', 'it is gone, and the API server drops it')
    } else if (theirs.type !== type) {
      yield at(kind, path, 'broken', `it is ${theirs.type}, and Holdfast reads ${type}`)
    }
  }
}

/** Fields of spec that `holdfast check` would call unknown. */
function* newInSpec(kind: Kind, fields: Fields): Generator<Difference, void> {
  const known = knownInSpec(kind)
  if (known === undefined) return
  for (const path of fields.keys()) {
    if (path.startsWith('spec.') && !known(path) && (above(path) === 'spec' || known(above(path))))
      yield at(kind, path, 'new', 'no rule reads it, and holdfast check calls it unknown')
  }
}

/** The values that rules tell apart. A definition without a list of values allows any. */
const valuesKnown: Readonly<Record<string, readonly string[]>> = {
  'Node spec.disks.*.diskType': ['filesystem', 'block'],
  'BackingImage spec.dataEngine': ['v1', 'v2'],
  'BackingImage spec.sourceType': ['download', 'upload', 'export-from-volume', 'restore', 'clone'],
}

function* newValues(kind: Kind, fields: Fields): Generator<Difference, void> {
  for (const [path, { values }] of fields) {
    const known = valuesKnown[`${kind} ${path}`]
    const more = values.filter((value) => known?.includes(value) === false)
    if (more.length > 0) yield at(kind, path, 'new', `no rule knows its value ${more.join(', ')}`)
  }
}

function at(kind: Kind, path: string, what: Difference['what'], text: string): Difference {
  return { kind, path, what, text }
}

/** `spec.disks.*` of `spec.disks.*.tags`; the empty path of `spec`. */
function above(path: string): string {
  return path.endsWith('[]') ? path.slice(0, -'[]'.length) : path.slice(0, Math.max(0, path.lastIndexOf('.')))
}

/** True if the API server keeps a field because it keeps everything at a place above it. */
function isBelowOpen(path: string, fields: Fields): boolean {
  if (fields.get(path)?.isOpen === true) return true
  return path !== '' && isBelowOpen(above(path), fields)
}

function alike(a: Field, b: Field): boolean {
  return inWords(a) === inWords(b)
}

function inWords({ type, values }: Field): string {
  return values.length === 0 ? type : `${type} (${values.join(', ')})`
}

/** `BackingImage` is defined as `backingimages.longhorn.io`. */
export function definitionName(kind: Kind): string {
  return `${kinds[kind].plural}.${group}`
}
