import { callAt, type Call } from '../longhorn/call.ts'
import { segmentsOf, targetOf } from '../target.ts'

/** What the API server passes on to a server in the cluster. */
const proxied = new Set(['services', 'pods'])

/**
 * Finds the call of Longhorn's REST API in a request that the API server itself would pass on to a service or a pod of
 * Longhorn's namespace. It takes its own path by position, as it came, and tidies up what is left for the other server.
 */
export function callThrough(method: string, target: string, longhornNamespace: string): Call | undefined {
  const { parts, query } = targetOf(target)
  const [, api, version, namespaces, namespace, plural = '', , subresource, ...path] = parts
  if (api !== 'api' || version !== 'v1' || namespaces !== 'namespaces') return undefined
  if (namespace !== longhornNamespace || !proxied.has(plural) || subresource !== 'proxy') return undefined
  return callAt(method, segmentsOf(path), query)
}
