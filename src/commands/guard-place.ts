import { defaultNamespace } from '../guard/guard-namespace.ts'
import { isForbidden } from '../kubernetes/api-failure.ts'
import { anchorName, readAnchor } from '../kubernetes/book-anchor.ts'
import type { Connection } from '../kubernetes/connection.ts'
import type { ClusterFlags } from './cluster-options.ts'
import { CannotRun } from './exit-code.ts'

/** How a person's command finds the guard. */
export interface GuardSearch {
  readonly signal: AbortSignal
  /** Told if the cluster says otherwise than the person, or cannot be asked whether it does. */
  readonly note?: (text: string) => void
}

/** Where a command looks for the guard. */
export interface GuardPlace {
  readonly namespace: string
  /** Why the guard may run elsewhere, and how to go on, for people; undefined if it is known to run here. */
  readonly doubt: string | undefined
}

type Place = Pick<ClusterFlags, 'namespace' | 'longhornNamespace'>

/**
 * Where the guard runs and keeps its Leases: the namespace that the person names, else the one that the doors of the
 * cluster have agreed on, else the default if they have agreed on none yet. Where that cannot be read, the default is a
 * guess, and the reason comes with it.
 *
 * @throws the signal's reason
 */
export async function lookForGuard(
  connection: Connection,
  { namespace, longhornNamespace }: Place,
  { signal, note }: GuardSearch,
): Promise<GuardPlace> {
  try {
    const agreed = await readAnchor({ connection, longhornNamespace }, signal)
    if (namespace !== undefined && agreed !== undefined && agreed !== namespace) {
      note?.(
        `The Leases of the guard are in namespace ${agreed}, not in ${namespace}: Lease ${anchorName} in ${longhornNamespace} says so.`,
      )
    }
    return { namespace: namespace ?? agreed ?? defaultNamespace, doubt: undefined }
  } catch (error) {
    signal.throwIfAborted()
    const why = error instanceof Error ? error.message : String(error)
    if (namespace !== undefined) {
      note?.(`Whether the Leases of the guard are in namespace ${namespace} could not be looked up: ${why}`)
      return { namespace, doubt: undefined }
    }
    const otherwise = isForbidden(error)
      ? `ask for the right to get Lease ${anchorName} in ${longhornNamespace}`
      : 'try again once the API server answers'
    return {
      namespace: defaultNamespace,
      doubt: `cannot tell in which namespace the guard of this cluster runs: ${why}\nName it with --namespace, or ${otherwise}.`,
    }
  }
}

/**
 * The same for a command that says nothing true in another namespace than the guard's.
 *
 * @throws CannotRun where the namespace would be a guess, or the signal's reason
 */
export async function guardPlace(connection: Connection, place: Place, search: GuardSearch): Promise<string> {
  const { namespace, doubt } = await lookForGuard(connection, place, search)
  if (doubt !== undefined) throw new CannotRun(doubt)
  return namespace
}
