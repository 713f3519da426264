import { fieldsOf } from './fields-of.ts'
import { readBodyText } from './read-body-text.ts'

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
export interface Binding {
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
  if (method === 'POST') return { body, by: 'nobody' }
  if (method === 'DELETE') return bindDelete(body, hasQuery, resourceVersion)
  if (type === 'application/json-patch+json') {
    const operations: unknown = readBodyText(body)
    if (!Array.isArray(operations)) return { body, by: 'nobody' }
    const test = { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }
    return { body: written([test, ...(operations as unknown[])]), by: 'proxy' }
  }
  // The API server would write the version into the annotation of what was last applied.
  if (type === 'application/apply-patch+yaml') return { body, by: 'nobody' }
  const object = fieldsOf(readBodyText(body))
  if (!object) return { body, by: 'nobody' }
  const metadata = fieldsOf(object.metadata) ?? {}
  if (typeof metadata.resourceVersion === 'string' && metadata.resourceVersion !== '')
    return { body, by: 'client' }
  return { body: written({ ...object, metadata: { ...metadata, resourceVersion } }), by: 'proxy' }
}

function bindDelete(body: Buffer, hasQuery: boolean, resourceVersion: string): Bound {
  // With a body, the options in the query would not be looked at any more.
  if (body.length === 0 && hasQuery) return { body, by: 'nobody' }
  const options = body.length === 0 ? {} : fieldsOf(readBodyText(body))
  if (!options) return { body, by: 'nobody' }
  const preconditions = fieldsOf(options.preconditions) ?? {}
  if (preconditions.resourceVersion !== undefined) return { body, by: 'client' }
  const whole = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
  return { body: written({ ...whole, preconditions: { ...preconditions, resourceVersion } }), by: 'proxy' }
}

function written(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
