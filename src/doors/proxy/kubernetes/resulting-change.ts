import type { Parsed } from '../../../json/schema.ts'
import type { BackingImage } from '../../../longhorn/backing-image.ts'
import { group, kinds, type ObjectOf, version } from '../../../longhorn/kinds.ts'
import type { Node } from '../../../longhorn/node.ts'
import type { Change, JudgedKind, JudgedObject, Request, Step } from '../../../rules/change.ts'

/** The known effect of a write. */
interface Result {
  readonly kind: JudgedKind
  /** The current object; undefined if it does not exist. */
  readonly before: JudgedObject | undefined
  /** The answer to the dry run; undefined for a delete. */
  readonly after: unknown
  readonly request: Request
}

/** The change that a write would make; a problem if the API server's answer is unreadable. */
export function changeFrom({ kind, before, after, request }: Result): Parsed<Change> {
  switch (kind) {
    case 'Node': {
      const stored = before?.kind === kind ? before : undefined
      const parse = isOlder(after) ? (raw: unknown) => parseOlderNode(raw, stored) : kinds.Node.parse
      const step = stepOf<'Node'>(parse, stored, after)
      return step.ok ? { ok: true, value: { kind, request, ...step.value } } : step
    }
    case 'BackingImage': {
      const stored = before?.kind === kind ? before : undefined
      const parse = isOlder(after) ? (raw: unknown) => parseOlderImage(raw, stored) : kinds.BackingImage.parse
      const step = stepOf<'BackingImage'>(parse, stored, after)
      return step.ok ? { ok: true, value: { kind, request, ...step.value } } : step
    }
    case 'BackingImageDataSource': {
      const { parse } = kinds.BackingImageDataSource
      const step = stepOf<'BackingImageDataSource'>(parse, before?.kind === kind ? before : undefined, after)
      return step.ok ? { ok: true, value: { kind, request, ...step.value } } : step
    }
  }
}

function stepOf<K extends JudgedKind>(
  parse: (raw: unknown) => Parsed<ObjectOf<K>>,
  before: ObjectOf<K> | undefined,
  raw: unknown,
): Parsed<Step<ObjectOf<K>>> {
  if (raw === undefined) {
    if (before) return { ok: true, value: { operation: 'DELETE', before } }
    return { ok: false, problem: 'it is gone already' }
  }
  const after = parse(raw)
  if (!after.ok) return after
  if (!before) return { ok: true, value: { operation: 'CREATE', after: after.value } }
  return { ok: true, value: { operation: 'UPDATE', before, after: after.value } }
}

/**
 * True for an object that the API server wrote in another version than the one that Holdfast reads: v1beta1,
 * up to Longhorn 1.8.
 */
export function isOlder(raw: unknown): boolean {
  const apiVersion = fieldsOf(raw)?.apiVersion
  return apiVersion !== undefined && apiVersion !== `${group}/${version}`
}

/**
 * Reads a node in an older version. Its conditions have another form there. A write of the main resource does
 * not change the status, so that of the stored node stays.
 */
function parseOlderNode(raw: unknown, before: Node | undefined): Parsed<Node> {
  const parsed = kinds.Node.parse({ ...fieldsOf(raw), status: undefined })
  return parsed.ok && before ? { ok: true, value: { ...parsed.value, status: before.status } } : parsed
}

/**
 * Reads an image in an older version. v1beta1 has no `diskFileSpecMap`, and the result of Longhorn's
 * conversion of an image without one looks the same: it may lose all copies.
 */
function parseOlderImage(raw: unknown, before: BackingImage | undefined): Parsed<BackingImage> {
  const object = fieldsOf(raw)
  // It has another form there, and is deprecated.
  const spec = { ...fieldsOf(object?.spec), disks: undefined }
  const parsed = kinds.BackingImage.parse({ ...object, spec, status: undefined })
  if (!parsed.ok || !before) return parsed
  const { metadata } = parsed.value
  const hides = fieldsOf(spec)?.diskFileSpecMap === undefined && before.spec.diskFileSpecMap.size > 0
  if (hides && !metadata.terminating) {
    const problem = `${String(object?.apiVersion)} does not show the copies of an image. Write it in ${version}`
    return { ok: false, problem }
  }
  return { ok: true, value: { ...parsed.value, status: before.status } }
}

/** The members of an object that was not validated; undefined for other values. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isObject(value) ? value : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
