import type { Configuration } from '../configuration/configuration.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { ApiFailure, isForbidden } from '../kubernetes/client/failures.ts'
import { jsonRequest } from '../kubernetes/client/json-request.ts'
import { anchorName, deleteAnchor, makeAnchor, readAnchor } from '../kubernetes/leases/book-anchor.ts'
import { elsewhere, mayNotMake } from '../kubernetes/leases/followed-anchor.ts'

/** Where a guard outside a pod keeps its Leases if nothing says otherwise. Never the context's: people have several. */
export const defaultNamespace = 'holdfast'

/** The guard's own namespace, where all replicas keep what they share. */
export function guardNamespace(
  configuration: Pick<Configuration, 'namespace'>,
  connection: Connection,
): string {
  return namedNamespace(configuration, connection) ?? defaultNamespace
}

/** The namespace that somebody has decided on; undefined if nobody has. */
function namedNamespace(
  { namespace }: Pick<Configuration, 'namespace'>,
  connection: Connection,
): string | undefined {
  return namespace ?? (connection.inPod ? connection.namespace : undefined)
}

/** This door would keep its Leases apart from those of the others, or nowhere. The message is for people. */
export class NoCommonNamespace extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'NoCommonNamespace'
  }
}

/** Where this door keeps its Leases. */
interface AgreedNamespace {
  readonly namespace: string
  /** Why nobody can tell whether the other doors keep theirs there too; undefined if they do. */
  readonly doubt: string | undefined
}

/**
 * An API server that does not answer by then is not to be waited for, in milliseconds. A person who signs in first takes
 * longer than any answer.
 */
const answerMs = 10_000

/**
 * Finds the namespace in which all doors of the cluster keep their Leases, or is the first to name it.
 *
 * What was named for this door (a setting, its pod) stands even if it cannot be compared with the anchor, since a guard
 * that does not start protects nobody; see `AnchorState` for what follows. What nobody has named would then be a guess,
 * and a wrong one admits what must not meet. Where there is no anchor, and it may not be made, only a pod starts.
 *
 * @throws NoCommonNamespace, or the signal's reason
 */
export async function agreeOnNamespace(
  configuration: Pick<Configuration, 'namespace' | 'policy'>,
  connection: Connection,
  signal: AbortSignal,
): Promise<AgreedNamespace> {
  const { longhornNamespace } = configuration.policy
  const named = namedNamespace(configuration, connection)
  const place = { connection, longhornNamespace, answerMs }
  let missing = false
  try {
    const anchored = await readAnchor(place, signal)
    const namespace = anchored ?? named ?? defaultNamespace
    insistOnSame(namespace, named, longhornNamespace)
    if (anchored !== undefined) {
      await insistOnNamespace(anchored, whichAnchorNames(longhornNamespace), connection, signal)
      return { namespace, doubt: undefined }
    }
    await insistOnNamespace(namespace, whichIsNamedHere, connection, signal)
    missing = true
    const made = await makeAnchor(place, namespace, signal)
    insistOnSame(made, named, longhornNamespace)
    return { namespace: made, doubt: undefined }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof NoCommonNamespace) throw error
    if (missing && isForbidden(error)) {
      const doubt = mayNotMake(error, longhornNamespace)
      // A pod waits for the anchor; a person would wait for what does not come by itself.
      if (named === undefined || !connection.inPod) throw new NoCommonNamespace(doubt, error)
      return { namespace: named, doubt }
    }
    const why = error instanceof Error ? error.message : String(error)
    if (named === undefined) throw new NoCommonNamespace(cannotTell(error, why, longhornNamespace), error)
    await insistOnNamespace(named, whichIsNamedHere, connection, signal)
    return { namespace: named, doubt: why }
  }
}

function cannotTell(error: unknown, why: string, longhornNamespace: string): string {
  const otherwise = isForbidden(error)
    ? `ask for the right to get and create Lease ${anchorName} in ${longhornNamespace}`
    : 'start again once the API server answers'
  return `cannot tell in which namespace the guard of this cluster keeps its Leases: ${why}\nName it with --namespace, or ${otherwise}.`
}

/** @throws NoCommonNamespace */
function insistOnSame(anchored: string, named: string | undefined, longhornNamespace: string): void {
  if (named === undefined || anchored === named) return
  throw new NoCommonNamespace(elsewhere(anchored, named, longhornNamespace))
}

/** Where the name of a namespace comes from, and what else can be done if there is no such one. */
interface Naming {
  readonly by: string
  readonly otherwise: string
}

const whichIsNamedHere: Naming = { by: '', otherwise: 'Or name another one with --namespace.' }

function whichAnchorNames(longhornNamespace: string): Naming {
  return {
    by: `, which Lease ${anchorName} in ${longhornNamespace} names`,
    otherwise: deleteAnchor(longhornNamespace),
  }
}

/** @throws NoCommonNamespace for one that does not exist; whoever may not look finds out with the first Lease */
async function insistOnNamespace(
  namespace: string,
  { by, otherwise }: Naming,
  connection: Connection,
  signal: AbortSignal,
): Promise<void> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`
  try {
    await jsonRequest(connection, { method: 'GET', path, signal, headersTimeoutMs: answerMs })
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.code !== 404) return
    throw new NoCommonNamespace(
      `There is no namespace ${namespace} for the guard’s Leases${by}. Make it: kubectl create namespace ${namespace}\n${otherwise}`,
      error,
    )
  }
}
