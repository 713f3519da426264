import { badRequest, notFound } from '../failure.ts'
import { pods } from '../resources.ts'
import type { Store } from '../store/store.ts'

/** The log of the container before the one that runs in a pod; undefined if there was none. */
export type PreviousLog = (pod: string) => string | undefined

/** Whose log is asked for. */
interface LogTarget {
  readonly namespace: string
  readonly pod: string
}

/** Reads a path as that of a log; undefined if it is another. @param path decoded */
export function logTarget(path: string): LogTarget | undefined {
  const [, namespace, pod] = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/log$/.exec(path) ?? []
  return namespace === undefined || pod === undefined ? undefined : { namespace, pod }
}

/**
 * What `kubectl logs` shows. Only what crashed has left a log here: that of a container that runs is empty.
 *
 * @throws ApiError 404 for a pod that there is not, 400 for a log that there is not
 */
export function readLog(
  { namespace, pod }: LogTarget,
  query: URLSearchParams,
  { store, previousLog }: { readonly store: Store; readonly previousLog: PreviousLog },
): string {
  if (!store.get(pods, namespace, pod)) throw notFound(pods, pod)
  if (query.get('previous') !== 'true') return ''
  const log = previousLog(pod)
  if (log === undefined)
    throw badRequest(
      `previous terminated container "${query.get('container') ?? ''}" in pod "${pod}" not found`,
    )
  return log
}
