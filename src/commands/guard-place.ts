import { defaultNamespace } from '../guard/guard-namespace.ts'
import { anchorName, readAnchor } from '../kubernetes/book-anchor.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { within } from '../kubernetes/within.ts'
import type { ClusterFlags } from './cluster-options.ts'

/** An API server that does not answer by then is not to be waited for, in milliseconds. */
const lookMs = 5_000

/** How a person's command finds the guard. */
export interface GuardSearch {
  readonly signal: AbortSignal
  /** Told if the cluster says otherwise than the person. */
  readonly note?: (text: string) => void
}

/**
 * Where the guard runs and keeps its Leases: the namespace that the person names, else the one that the doors of the
 * cluster have agreed on, else the default. What cannot be read counts as not agreed on.
 *
 * @throws the signal's reason
 */
export async function guardPlace(
  connection: Connection,
  { namespace, longhornNamespace }: Pick<ClusterFlags, 'namespace' | 'longhornNamespace'>,
  { signal, note }: GuardSearch,
): Promise<string> {
  let agreed: string | undefined
  try {
    const soon = within(lookMs, signal)
    agreed = await readAnchor({ connection, longhornNamespace }, soon)
  } catch {
    // Whoever asks next says why the cluster cannot be read; a person may lack this one right and no other.
    signal.throwIfAborted()
  }
  if (namespace !== undefined && agreed !== undefined && agreed !== namespace) {
    note?.(
      `The Leases of the guard are in namespace ${agreed}, not in ${namespace}: Lease ${anchorName} in ${longhornNamespace} says so.`,
    )
  }
  return namespace ?? agreed ?? defaultNamespace
}
