import { Type } from 'typebox'
import { type DiskMapView, findLonghorn, hasLonghorn, noLonghornIn } from '../../disk-map/disk-map-view.ts'
import { optional, optionalMap, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { isForbidden } from '../../kubernetes/client/failures.ts'
import { anchorName, readAnchor } from '../../kubernetes/leases/book-anchor.ts'
import { defaultNamespace } from '../../server/guard-namespace.ts'
import type { ClusterReader } from '../doctor/cluster-reader.ts'
import type { Names } from '../doctor/facts.ts'
import { guardSelector } from '../doctor/replicas.ts'
import type { ClusterFlags } from '../options/cluster-options.ts'
import { CannotRun } from '../surroundings.ts'

/** How a person's command finds the guard. */
interface GuardSearch {
  readonly signal: AbortSignal
  /** Called if the cluster names another namespace than the person, or cannot be asked. */
  readonly note?: (text: string) => void
}

/** Where a command looks for the guard. */
interface GuardPlace {
  readonly namespace: string
  /** Why the guard may run elsewhere, with advice; undefined if it is known to run here. */
  readonly doubt: string | undefined
}

type Place = Pick<ClusterFlags, 'namespace' | 'longhornNamespace'>

/**
 * Where the guard runs and keeps its Leases: the namespace that the person names, else the one that the doors
 * of the cluster have agreed on, else the default. If the agreement cannot be read, the default is a guess,
 * and the result has the reason.
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
 * The same for a command that would be wrong in any other namespace than the guard's.
 *
 * @throws CannotRun if the namespace would be a guess, or the signal's reason
 */
export async function guardPlace(connection: Connection, place: Place, search: GuardSearch): Promise<string> {
  const { namespace, doubt } = await lookForGuard(connection, place, search)
  if (doubt !== undefined) throw new CannotRun(doubt)
  return namespace
}

/** The names of a guard's objects, and the issuer of its certificate. */
type GuardNames = Pick<
  Names,
  'webhookConfiguration' | 'certificateSecret' | 'serviceAccount' | 'makesCertificate'
>

/** The names of a guard's objects, and which of them are guesses. */
export interface FoundNames {
  readonly names: GuardNames
  /** True for a name that its Deployment could have corrected. */
  readonly isGuess: (name: keyof GuardNames) => boolean
  /** Why the Deployment could not be read; undefined if it was. */
  readonly problem: string | undefined
}

/** The names of the chart in a release `holdfast`. */
const usual: GuardNames = {
  webhookConfiguration: 'holdfast',
  certificateSecret: 'holdfast-tls',
  serviceAccount: 'holdfast',
  makesCertificate: true,
}

/** Reads the names from a Deployment of the guard: the chart writes them there. */
const parseNames = parser(
  Type.Object({
    metadata: Type.Object({ annotations: optionalMap(Type.String()) }),
    spec: optional(
      Type.Object({
        template: optional(
          Type.Object({ spec: optional(Type.Object({ serviceAccountName: optional(Type.String()) })) }),
        ),
      }),
    ),
  }),
  ({ metadata, spec }): Partial<GuardNames> => {
    const registration = metadata.annotations?.['holdfast.dev/registration'] ?? undefined
    const secret = metadata.annotations?.['holdfast.dev/certificate-secret'] ?? undefined
    const mode = metadata.annotations?.['holdfast.dev/certificates'] ?? undefined
    const account = spec?.template?.spec?.serviceAccountName ?? undefined
    return {
      ...(mode === undefined ? {} : { makesCertificate: mode === 'self' }),
      ...(registration === undefined ? {} : { webhookConfiguration: registration }),
      ...(secret === undefined ? {} : { certificateSecret: secret }),
      ...(account === undefined ? {} : { serviceAccount: account }),
    }
  },
)

/**
 * The names of the guard's objects: from the person, else from its Deployment, else the defaults. If the
 * Deployment cannot be read, these are guesses, and an object missing under such a name proves nothing.
 */
export async function guardNames(
  looker: ClusterReader,
  namespace: string,
  named: Partial<GuardNames>,
): Promise<FoundNames> {
  const place = { group: 'apps', version: 'v1', plural: 'deployments', namespace }
  const looked = await looker.list({ ...place, labelSelector: guardSelector }, parseNames)
  const found = 'seen' in looked ? looked.seen[0] : undefined
  const problem = 'problem' in looked ? looked.problem : undefined
  return {
    names: { ...usual, ...found, ...named },
    isGuess: (name) => problem !== undefined && named[name] === undefined,
    problem,
  }
}

/** A namespace without Longhorn has no problems, but only because nothing was checked. @throws CannotRun */
export function insistOnLonghorn(map: Pick<DiskMapView, 'release' | 'nodes'>, namespace: string): void {
  if (!hasLonghorn(map)) throw new CannotRun(`${noLonghornIn(namespace)} ${findLonghorn}`)
}
