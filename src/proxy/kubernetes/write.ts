import { group, kinds } from '../../longhorn/kinds.ts'
import type { JudgedKind } from '../../rules/change.ts'
import { targetOf } from '../target.ts'

/** The methods that write. */
export type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A write to an object of a kind that is judged. */
export interface NamedWrite {
  readonly kind: JudgedKind
  /** Undefined for the whole collection: a create, or a delete of all that match. */
  readonly name: string | undefined
  readonly method: Method
}

/** A write to the Kubernetes API that is judged. */
export interface Write extends NamedWrite {
  readonly namespace: string
}

/** The kinds that are judged, by their plurals, in every version: older ones are converted (kubernetes.md, The request). */
export const judged: ReadonlyMap<string, JudgedKind> = new Map(
  (['Node', 'BackingImage', 'BackingImageDataSource'] as const).map((kind) => [kinds[kind].plural, kind]),
)

/** True for a method that writes. */
export function isWriting(method: string): method is Method {
  return method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE'
}

/**
 * Finds the write in a request; undefined for all that just passes. Main resources only: a refused status write would
 * block the very clean-up that has to end (longhorn.md §3).
 */
export function writeOf(method: string, target: string): Write | undefined {
  if (!isWriting(method)) return undefined
  const [apis, named, , namespaces, namespace, plural, name, ...more] = targetOf(target).segments
  if (apis !== 'apis' || named !== group || namespaces !== 'namespaces' || more.length > 0) return undefined
  const kind = judged.get(plural ?? '')
  if (kind === undefined || namespace === undefined) return undefined
  return { kind, namespace, name, method }
}

/** What a method does to an object, as a review names it. */
export function operationBy(method: Method): 'CREATE' | 'UPDATE' | 'DELETE' {
  if (method === 'POST') return 'CREATE'
  return method === 'DELETE' ? 'DELETE' : 'UPDATE'
}
