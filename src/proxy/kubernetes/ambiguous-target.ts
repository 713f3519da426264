import { group } from '../../longhorn/kinds.ts'
import { targetOf } from '../target.ts'
import { isWriting, judged, type NamedWrite } from './write.ts'

/** Why a request is answered with 400. */
export const ambiguity =
  'The path of this request has an empty segment, "." or "..". Servers read such a path in different ways, so Holdfast cannot tell which object it names. Write each name once, with single slashes between them'

/**
 * True for a request for Longhorn's objects whose path has an empty segment, `.` or `..` once it is decoded. To the API
 * server `nodes/node-1//x` is node-1 itself, with an empty subresource, and `nodes///node-3` is all nodes (*measured*).
 * A slash at the end of what is only read leads nowhere: OpenAPI writes `/apis/<group>/<version>/` so.
 */
export function isAmbiguous(method: string, target: string): boolean {
  const { parts, segments } = targetOf(target)
  if (!isLonghorns(segments) && !isLonghorns(parts.filter((part) => part !== ''))) return false
  const [first, ...rest] = parts
  if (rest.at(-1) === '' && (method === 'GET' || method === 'HEAD')) rest.pop()
  return first !== '' || rest.some((part) => part === '' || part === '.' || part === '..')
}

/**
 * What such a request may be meant to write in the namespace that this guard follows, for the record; undefined if nothing
 * there that is judged is named.
 */
export function meantBy(method: string, target: string, longhornNamespace: string): NamedWrite | undefined {
  if (!isWriting(method)) return undefined
  const parts = targetOf(target).parts.filter((part) => part !== '' && part !== '.')
  const [, , , namespaces, namespace, plural, name] = parts
  if (namespaces !== 'namespaces' || namespace !== longhornNamespace) return undefined
  const kind = judged.get(plural ?? '')
  return kind && { kind, name, method }
}

function isLonghorns([apis, named]: readonly string[]): boolean {
  return apis === 'apis' && named === group
}
