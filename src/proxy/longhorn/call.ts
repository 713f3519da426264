/** A write of Longhorn's REST API that is judged (longhorn.md §5). */
export type Call =
  /** Replaces `allowScheduling`, `evictionRequested` and `tags` of a node. */
  | { readonly call: 'node-update'; readonly kind: 'Node'; readonly name: string }
  /** Replaces all disks of a node. */
  | { readonly call: 'disk-update'; readonly kind: 'Node'; readonly name: string }
  | { readonly call: 'node-delete'; readonly kind: 'Node'; readonly name: string }
  /** Takes copies of an image away. */
  | { readonly call: 'image-cleanup'; readonly kind: 'BackingImage'; readonly name: string }
  | { readonly call: 'image-delete'; readonly kind: 'BackingImage'; readonly name: string }

/**
 * Finds the write in a request; undefined for all that just passes. The method decides, not the query: Longhorn's UI
 * deletes an image with `DELETE …?action=backingImageCleanup`.
 */
export function callOf(method: string, target: string): Call | undefined {
  if (method !== 'PUT' && method !== 'POST' && method !== 'DELETE') return undefined
  const [path, query] = split(target)
  const [version, collection, name, ...more] = segments(path)
  if (version !== 'v1' || name === undefined || more.length > 0) return undefined
  // Longhorn routes by the first of several.
  const action = method === 'POST' ? new URLSearchParams(query).get('action') : undefined
  if (collection === 'nodes') {
    if (method === 'PUT') return { call: 'node-update', kind: 'Node', name }
    if (method === 'DELETE') return { call: 'node-delete', kind: 'Node', name }
    if (action === 'diskUpdate') return { call: 'disk-update', kind: 'Node', name }
  }
  if (collection === 'backingimages') {
    if (method === 'DELETE') return { call: 'image-delete', kind: 'BackingImage', name }
    if (action === 'backingImageCleanup') return { call: 'image-cleanup', kind: 'BackingImage', name }
  }
  return undefined
}

function split(target: string): [string, string] {
  const at = target.indexOf('?')
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)]
}

/**
 * As the router of Go sees them: decoded, and without those that are empty or lead nowhere. It redirects what is
 * written in such a way; to judge it all the same does no harm.
 */
function segments(path: string): string[] {
  const found: string[] = []
  for (const raw of withoutOrigin(path).split('/')) {
    const segment = decoded(raw)
    if (segment === '..') found.pop()
    else if (segment !== '' && segment !== '.') found.push(segment)
  }
  return found
}

/** A request to a proxy may name the whole URL (RFC 9112, 3.2.2). */
function withoutOrigin(path: string): string {
  return path.replace(/^https?:\/\/[^/]*/i, '')
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Go refuses such a path.
    return segment
  }
}
