import { bodyOf, isObjectText, jsonTextOf, memberOf, withFirst, withMember } from '../../../json/text.ts'
import { group } from '../../../longhorn/kinds.ts'
import { targetOf } from '../target.ts'
import { isWriting, judged, type NamedWrite } from './write.ts'

/** A body that is committed on one version of its object only. */
export interface Bound {
  readonly body: Buffer
  /**
   * Who named the version. Of a conflict with one that the client named itself the client hears; a write that nobody
   * could bind may be committed on any version.
   */
  readonly by: 'proxy' | 'client' | 'nobody'
}

/** What binding depends on. */
interface Binding {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly hasQuery: boolean
  /** Of the request; undefined if it has none. */
  readonly contentType: string | undefined
  /** The version that was judged. */
  readonly resourceVersion: string
}

/**
 * Binds a write to the version that was judged, so that it cannot be committed on another, where it might do something
 * else. The API server refuses it there with a conflict, and then it is judged again; a client that named no version
 * never hears of that, as it would not have without a proxy.
 */
export function bind(body: Buffer, { method, hasQuery, contentType = '', resourceVersion }: Binding): Bound {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  const version = JSON.stringify(resourceVersion)
  if (method === 'POST') return { body, by: 'nobody' }
  if (method === 'DELETE') return bindDelete(body, hasQuery, version)
  // The API server would write the version into the annotation of what was last applied.
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
  // With a body, the options in the query would not be looked at any more.
  if (body.length === 0 && hasQuery) return { body, by: 'nobody' }
  let options = body.length === 0 ? '{"apiVersion":"v1","kind":"DeleteOptions"}' : jsonTextOf(body)
  if (!isObjectText(options)) return { body, by: 'nobody' }
  const preconditions = objectIn(options, 'preconditions')
  // To Go, `null` is none.
  if ((memberOf(preconditions, 'resourceVersion')?.value ?? 'null') !== 'null') return { body, by: 'client' }
  if (!memberOf(options, 'apiVersion')) options = withMember(options, 'apiVersion', '"v1"')
  if (!memberOf(options, 'kind')) options = withMember(options, 'kind', '"DeleteOptions"')
  const bound = withMember(preconditions, 'resourceVersion', version)
  return { body: bodyOf(withMember(options, 'preconditions', bound)), by: 'proxy' }
}

/** The text of an object that is a member of another; an empty one where there is none. */
function objectIn(text: string, name: string): string {
  const value = memberOf(text, name)?.value
  return isObjectText(value) ? value : '{}'
}

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
