import { group, kinds } from '../../longhorn/kinds.ts'
import type { JudgedKind } from '../../rules/change.ts'
import { targetOf } from '../target.ts'

/** A write to the Kubernetes API that is judged. */
export interface Write {
  readonly kind: JudgedKind
  readonly namespace: string
  /** Undefined for the whole collection: a create, or a delete of all that match. */
  readonly name: string | undefined
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
}

/** In every version: older ones are converted (kubernetes.md, The request). */
const judged: ReadonlyMap<string, JudgedKind> = new Map(
  (['Node', 'BackingImage', 'BackingImageDataSource'] as const).map((kind) => [kinds[kind].plural, kind]),
)

/**
 * Finds the write in a request; undefined for all that just passes. Main resources only: a refused status write would
 * block the very clean-up that has to end (longhorn.md §3).
 */
export function writeOf(method: string, target: string): Write | undefined {
  if (method !== 'POST' && method !== 'PUT' && method !== 'PATCH' && method !== 'DELETE') return undefined
  const [apis, named, , namespaces, namespace, plural, name, ...more] = targetOf(target).segments
  if (apis !== 'apis' || named !== group || namespaces !== 'namespaces' || more.length > 0) return undefined
  const kind = judged.get(plural ?? '')
  if (kind === undefined || namespace === undefined) return undefined
  return { kind, namespace, name, method }
}
