import type { ClusterObject } from '../../cluster-client.ts'
import { methodNotAllowed, unsupportedMediaType } from '../failure.ts'
import { listObject, selectionOf } from '../store/list.ts'
import type { Store } from '../store/store.ts'
import type { Deletes } from '../writes/deletes.ts'
import { patchOf, writeOptions } from '../writes/options.ts'
import type { Writes } from '../writes/writes.ts'
import type { Body, RequestContext, Target } from './request.ts'

/** An answer that is not a failure. */
interface Answer {
  readonly code: 200 | 201
  readonly body: unknown
}

/** The parts that answering writes needs. */
export interface WriteRequestModules {
  readonly store: Store
  readonly writes: Writes
  readonly deletes: Deletes
}

/**
 * Answers POST, PUT, PATCH and DELETE.
 *
 * @throws ApiError as the write itself does, and 405 for a method that the path does not have
 */
export async function answerWrite(
  { store, writes, deletes }: WriteRequestModules,
  request: { readonly method: string; readonly path: string; readonly query: URLSearchParams },
  target: Target,
  body: Body | undefined,
  context: RequestContext,
): Promise<Answer> {
  const { method, path, query } = request
  const { resource, name, subresource } = target
  if (method === 'POST' && name === '' && !(resource.namespaced && target.namespace === '')) {
    const object = await writes.create(target, json(body), writeOptions('CreateOptions', query), context)
    return { code: 201, body: object }
  }
  if (method === 'PUT' && name !== '') {
    const wanted = json(body)
    return ok(await writes.update(target, () => wanted, writeOptions('UpdateOptions', query), context))
  }
  if (method === 'PATCH' && name !== '') {
    const next = patchOf(resource, body?.mediaType ?? '', body?.value)
    return ok(await writes.update(target, next, writeOptions('UpdateOptions', query), context))
  }
  if (method === 'DELETE' && subresource === undefined) {
    const how = writeOptions('DeleteOptions', query, json(body))
    if (name !== '') {
      const { object, gone } = await deletes.delete(target, how, context)
      return ok(gone ? deleted(target, object) : object)
    }
    if (!resource.namespaced || target.namespace !== '') {
      const items = await deletes.deleteCollection(target, selectionOf(resource, query), how, context)
      return ok(listObject(resource, { items, metadata: { resourceVersion: String(store.revision) } }))
    }
  }
  throw methodNotAllowed(method, path)
}

function ok(body: unknown): Answer {
  return { code: 200, body }
}

/** @throws ApiError 415 for a body that is not plain JSON */
function json(body: Body | undefined): unknown {
  if (body && body.mediaType !== '' && body.mediaType !== 'application/json')
    throw unsupportedMediaType(
      `the body of the request was in an unknown format (${body.mediaType}): the embedded cluster reads application/json only. What kubectl create makes from flags comes as protobuf, which is read of namespaces, configmaps and secrets alone: write it to a file (--dry-run=client -o yaml) and use kubectl apply -f`,
    )
  return body?.value
}

/** The answer for a deleted object. */
function deleted({ resource, name }: Target, object: ClusterObject) {
  const { group, plural } = resource
  const details = { name, ...(group !== '' && { group }), kind: plural, uid: object.metadata.uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }
}
