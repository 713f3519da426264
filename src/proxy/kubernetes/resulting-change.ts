import { kinds, type ObjectOf } from '../../longhorn/kinds.ts'
import type { Parsed } from '../../longhorn/parsed.ts'
import { isOlder, parseOlderImage, parseOlderNode } from './older-version.ts'
import type { Change, JudgedKind, JudgedObject, Request, Step } from '../../rules/change.ts'

/** What a write would do, as far as it is known. */
export interface Result {
  readonly kind: JudgedKind
  /** The object as it is; undefined if there is none. */
  readonly before: JudgedObject | undefined
  /** What the dry run answered; undefined for a delete. */
  readonly after: unknown
  readonly request: Request
}

/** The change that a write would be; a problem if what the API server answered cannot be read. */
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
