import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import type { Ended } from '../commands/holdfast.ts'

/** A guarded cluster without Longhorn's controllers: the scenarios do the writes of these. */
export interface Cluster {
  /** The name of the API's server, for people. */
  readonly what: string
  /** As an administrator, for everything that is only prepared. */
  readonly connection: Connection
  /** As an administrator, or `--as` somebody else. */
  kubectl(args: readonly string[], input?: string): Promise<Ended>
  /** The embedded API server knows no server-side apply, and evaluates few matchConditions. */
  readonly isReal: boolean
  /** Told of nodes and images that were written, which guards see later. Absent where they see a write at once. */
  written?(): void
  /** Waits until every guard has seen what was written. `kubectl` does so by itself. */
  caughtUp?(): Promise<void>
}

const signal = new AbortController().signal

/** Longhorn's objects of one resource. */
export function longhornPath(plural: string): string {
  return `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${plural}`
}

/** One request of the administrator. */
export async function ask(
  { connection }: Pick<Cluster, 'connection'>,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  json?: unknown,
  query: Record<string, string> = {},
): Promise<unknown> {
  const headers = method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {}
  return await jsonRequest(connection, {
    method,
    path,
    query,
    headers,
    signal,
    ...(json === undefined ? {} : { json }),
  })
}
