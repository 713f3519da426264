import { bodyOf, isObjectText, jsonTextOf, memberOf, withFirst, withMember } from '../../../json/text.ts'
import { group } from '../../../longhorn/kinds.ts'
import { targetOf } from '../target.ts'
import { isWriting, judged, type NamedWrite } from './write.ts'

/** A body that is committed only on one version of its object. */
export interface Bound {
  readonly body: Buffer
  /**
   * The source of the version. The client learns of a conflict with its own version. An unbound write may be
   * committed on any version.
   */
  readonly by: 'proxy' | 'client' | 'nobody'
}

/** The inputs of binding. */
interface Binding {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly hasQuery: boolean
  /** Of the request; undefined if it has none. */
  readonly contentType: string | undefined
  /** The version that was judged. */
  readonly resourceVersion: string
}

/**
 * Binds a write to the version that was judged, so that it cannot be committed on another, where its effect
 * might differ. On another version the API server answers with a conflict, and the write is judged again. A
 * client that named no version never learns of that, just as without a proxy.
 */
export function bind(body: Buffer, { method, hasQuery, contentType = '', resourceVersion }: Binding): Bound {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  const version = JSON.stringify(resourceVersion)
  if (method === 'POST') return { body, by: 'nobody' }
  if (method === 'DELETE') return bindDelete(body, hasQuery, version)
  // The API server would write the version into the last-applied annotation.
  if (type === 'application/apply-patch+yaml') return { body, by: 'nobody' }
  const text = jsonTextOf(body)
  if (type === 'application/json-patch+json') {
    if (text?.trimStart().startsWith('[') !== true) return { body, by: 'nobody' }
    const test = `{"op":"test","path":"/metadata/resourceVersion","value":${version}}`
    return { body: bodyOf(withFirst(text, test)), by: 'proxy' }
  }
  if (!isObjectText(text)) return { body, by: 'nobody' }
  const metadata = objectIn(text, 'metadata')
  const named = memberOf(metadata, 'resourceVersion')?.value
  if (named !== undefined && /^"./.test(named) && named !== '""') return { body, by: 'client' }
  const bound = withMember(metadata, 'resourceVersion', version)
  return { body: bodyOf(withMember(text, 'metadata', bound)), by: 'proxy' }
}

function bindDelete(body: Buffer, hasQuery: boolean, version: string): Bound {
  // With a body, the API server ignores the options in the query.
  if (body.length === 0 && hasQuery) return { body, by: 'nobody' }
  let options = body.length === 0 ? '{"apiVersion":"v1","kind":"DeleteOptions"}' : jsonTextOf(body)
  if (!isObjectText(options)) return { body, by: 'nobody' }
  const preconditions = objectIn(options, 'preconditions')
  // For Go, `null` is none.
  if ((memberOf(preconditions, 'resourceVersion')?.value ?? 'null') !== 'null') return { body, by: 'client' }
  if (!memberOf(options, 'apiVersion')) options = withMember(options, 'apiVersion', '"v1"')
  if (!memberOf(options, 'kind')) options = withMember(options, 'kind', '"DeleteOptions"')
  const bound = withMember(preconditions, 'resourceVersion', version)
  return { body: bodyOf(withMember(options, 'preconditions', bound)), by: 'proxy' }
}

/** The text of an object that is a member of another; an empty object without one. */
function objectIn(text: string, name: string): string {
  const value = memberOf(text, name)?.value
  return isObjectText(value) ? value : '{}'
}

/** Why a request is answered with 400. */
export const ambiguity =
  'The path of this request has an empty segment, "." or "..". Servers read such a path in different ways, so Holdfast cannot tell which object it names. Write each name once, with single slashes between them'

/**
 * True for a request for Longhorn's objects whose decoded path has an empty segment, `.` or `..`. For the API
 * server `nodes/node-1//x` is node-1 itself, with an empty subresource, and `nodes///node-3` is all nodes
 * (*measured*). A slash at the end of a read is harmless: OpenAPI writes `/apis/<group>/<version>/`.
 */
export function isAmbiguous(method: string, target: string): boolean {
  const { parts, segments } = targetOf(target)
  if (!isLonghorns(segments) && !isLonghorns(parts.filter((part) => part !== ''))) return false
  const [first, ...rest] = parts
  if (rest.at(-1) === '' && (method === 'GET' || method === 'HEAD')) rest.pop()
  return first !== '' || rest.some((part) => part === '' || part === '.' || part === '..')
}

/**
 * The write that such a request may mean in the guard's namespace, for the record; undefined if it names
 * nothing there that is judged.
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
