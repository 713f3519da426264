import { targetOf } from '../target.ts'

/** A judged write of Longhorn's REST API (longhorn.md §5). */
export type Call =
  /** Replaces `allowScheduling`, `evictionRequested` and `tags` of a node. */
  | { readonly call: 'node-update'; readonly kind: 'Node'; readonly name: string }
  /** Replaces all disks of a node. */
  | { readonly call: 'disk-update'; readonly kind: 'Node'; readonly name: string }
  | { readonly call: 'node-delete'; readonly kind: 'Node'; readonly name: string }
  /** Removes copies of an image. */
  | { readonly call: 'image-cleanup'; readonly kind: 'BackingImage'; readonly name: string }
  | { readonly call: 'image-delete'; readonly kind: 'BackingImage'; readonly name: string }

/**
 * Finds the write in a request; undefined for one that just passes. The method decides, not the query:
 * Longhorn's UI deletes an image with `DELETE …?action=backingImageCleanup`.
 */
export function callOf(method: string, target: string): Call | undefined {
  const { segments, query } = targetOf(target)
  return callAt(method, segments, query)
}

/** The same for a path that is already split. @param segments decoded, none of them empty, `.` or `..` */
export function callAt(method: string, segments: readonly string[], query: string): Call | undefined {
  if (method !== 'PUT' && method !== 'POST' && method !== 'DELETE') return undefined
  const [version, collection, name, ...more] = segments
  if (version !== 'v1' || name === undefined || more.length > 0) return undefined
  if (collection === 'nodes') {
    if (method === 'PUT') return { call: 'node-update', kind: 'Node', name }
    if (method === 'DELETE') return { call: 'node-delete', kind: 'Node', name }
    if (names(query, 'diskUpdate')) return { call: 'disk-update', kind: 'Node', name }
  }
  if (collection === 'backingimages') {
    if (method === 'DELETE') return { call: 'image-delete', kind: 'BackingImage', name }
    if (method === 'POST' && names(query, 'backingImageCleanup')) {
      return { call: 'image-cleanup', kind: 'BackingImage', name }
    }
  }
  return undefined
}

/** The operation of a call, as a review names it. */
export function operationOf({ call }: Call): 'UPDATE' | 'DELETE' {
  return call === 'node-delete' || call === 'image-delete' ? 'DELETE' : 'UPDATE'
}

/**
 * Whether a query names this action. Longhorn's router takes the first of several, and the separator depends
 * on its release (`;` counts in newer ones). Here any of them counts, since a body for another action arms
 * nothing.
 */
function names(query: string, action: string): boolean {
  return query.split(/[&;]/).some((pair) => new URLSearchParams(pair).get('action') === action)
}
