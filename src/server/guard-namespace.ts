import type { Configuration } from '../configuration/configuration.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { ApiFailure, isForbidden } from '../kubernetes/client/failures.ts'
import { jsonRequest } from '../kubernetes/client/json-request.ts'
import { anchorName, deleteAnchor, makeAnchor, readAnchor } from '../kubernetes/leases/book-anchor.ts'
import { elsewhere, mayNotMake } from '../kubernetes/leases/followed-anchor.ts'

/**
 * Where a guard outside a pod keeps its Leases by default. It is never the context's namespace, since people
 * have several.
 */
export const defaultNamespace = 'holdfast'

/** The guard's own namespace, where all replicas keep their shared objects. */
export function guardNamespace(
  configuration: Pick<Configuration, 'namespace'>,
  connection: Connection,
): string {
  return namedNamespace(configuration, connection) ?? defaultNamespace
}

/** The configured namespace; undefined if none is. */
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
  /** Why it is unknown whether the other doors keep theirs there too; undefined if they do. */
  readonly doubt: string | undefined
}

/** Limit for an answer of the API server, in milliseconds. A sign-in before it may take longer. */
const answerMs = 10_000

/**
 * Finds the namespace in which all doors of the cluster keep their Leases, or is the first to name it.
 *
 * A namespace from a setting or the pod counts even if it cannot be compared with the anchor: a guard that
 * does not start protects nothing; see `AnchorState` for the rest. Any other namespace would then be a guess,
 * and a wrong guess allows conflicting changes. If there is no anchor and none may be created, only a pod
 * starts.
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
      // A pod waits for the anchor. On a person's machine that wait would have no end.
      if (named === undefined || !connection.inPod) throw new NoCommonNamespace(doubt, error)
      return { namespace: named, doubt }
    }
    const why = error instanceof Error ? error.message : String(error)
    if (named === undefined) throw new NoCommonNamespace(cannotKnow(error, why, longhornNamespace), error)
    await insistOnNamespace(named, whichIsNamedHere, connection, signal)
    return { namespace: named, doubt: why }
  }
}

function cannotKnow(error: unknown, why: string, longhornNamespace: string): string {
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

/** The source of a namespace's name, and the remedy if the namespace does not exist. */
interface Naming {
  readonly by: string
  readonly otherwise: string
}

const whichIsNamedHere: Naming = { by: '', otherwise: 'Or name another one with --namespace.' }

function whichAnchorNames(longhornNamespace: string): Naming {
  return {
    by: `, which Lease ${anchorName} in ${longhornNamespace} names`,
    otherwise: deleteAnchor('To use another namespace instead', longhornNamespace),
  }
}

/**
 * @throws NoCommonNamespace for a missing namespace; a door without the right to look notices with its first
 * Lease
 */
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
      `There is no namespace ${namespace} for the guard’s Leases${by}. Create it: kubectl create namespace ${namespace}\n${otherwise}`,
      error,
    )
  }
}
