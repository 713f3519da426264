import type { Target } from '../request-context.ts'
import { findResource } from '../resources.ts'

/**
 * Reads what a URL's path names: an object, its status, a collection, or a collection over all namespaces.
 *
 * @param path decoded
 * @returns undefined when nothing of that name is served
 */
export function parsePath(path: string): Target | undefined {
  const segments = segmentsOf(path)
  if (!segments) return undefined
  const core = segments[0] === 'api'
  if (!core && segments[0] !== 'apis') return undefined
  const [group = '', version = '', ...rest] = core ? ['', ...segments.slice(1)] : segments.slice(1)
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && !(core && rest[2] === 'status')
  const [namespace = '', plural = '', name = '', subresource, ...more] = inNamespace
    ? rest.slice(1)
    : ['', ...rest]
  const resource = findResource({ group, version, plural })
  if (!resource || more.length > 0 || (name === '' && subresource !== undefined)) return undefined
  // Of a namespaced resource only the collection can be named without a namespace, and of others nothing with one.
  if (inNamespace !== resource.namespaced && (inNamespace || name !== '')) return undefined
  if (subresource === undefined) return { resource, namespace, name, subresource }
  return subresource === 'status' && resource.hasStatus
    ? { resource, namespace, name, subresource }
    : undefined
}

/** The segments of a path; undefined for one that has empty ones. */
function segmentsOf(path: string): string[] | undefined {
  const segments = path.replace(/\/$/, '').slice(1).split('/')
  return segments.includes('') ? undefined : segments
}
