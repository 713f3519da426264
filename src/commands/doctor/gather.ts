import { Type } from 'typebox'
import { optional, optionalMap, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { anchorName, bookNamespaceOf } from '../../kubernetes/leases/book-anchor.ts'
import { entryOf } from '../../kubernetes/leases/lease-format.ts'
import { bookSelector } from '../../kubernetes/leases/other-books.ts'
import { group, type Kind, kinds } from '../../longhorn/kinds.ts'
import { systemClock } from '../../time/clock.ts'
import type { FoundNames } from '../guard/guard-place.ts'
import { openMap } from '../options/cluster-options.ts'
import { CannotRun } from '../surroundings.ts'
import { measure, parseLeaseTime } from './clock.ts'
import { ClusterReader } from './cluster-reader.ts'
import { parseDefinition } from './crds.ts'
import {
  type Facts,
  type Probe,
  type MeasuredClock,
  type Names,
  parseRegistration,
  type SeenCertificate,
} from './facts.ts'
import { type DryRunModules, tryRemoval } from './prove-guard.ts'
import { parseDeployment, parsePod, replicaSelector } from './replicas.ts'
import { rightsOf } from './rights.ts'
import { forbiddenRemoval } from './dry-run.ts'

const admission = { group: 'admissionregistration.k8s.io', version: 'v1' }
const extensions = { group: 'apiextensions.k8s.io', version: 'v1' }

/** Only whether it has an authority's key, not the key itself: the guard stores its own there. */
const parseCertificateSecret = parser(
  Type.Object({
    metadata: optional(Type.Object({ annotations: optionalMap(Type.String()) })),
    data: optionalMap(Type.String()),
  }),
  ({ metadata, data }): SeenCertificate | undefined => {
    const encoded = data?.['tls.crt'] ?? ''
    if (encoded === '') return undefined
    const pem = Buffer.from(encoded, 'base64').toString()
    const certificate = metadata?.annotations?.['cert-manager.io/certificate-name']
    if (certificate) return { pem, madeBy: { who: 'cert-manager', certificate } }
    return { pem, madeBy: { who: data?.['ca.key'] ? 'the guard' : 'somebody else' } }
  },
)

const parseNamespace = parser(
  Type.Object({ metadata: Type.Object({ namespace: Type.String() }) }),
  ({ metadata }) => metadata.namespace,
)

/**
 * Reads everything that the checks need, and makes one dry run. A fact that cannot be read comes with the
 * reason.
 *
 * @param askReplicas asks the replicas of the guard for their rules
 * @throws CannotRun if the API server does not answer, or the signal's reason
 */
export async function gatherFacts(
  connection: Connection,
  names: Names,
  askReplicas: () => Promise<Facts['policies']>,
  signal: AbortSignal,
): Promise<Facts> {
  const { namespace, webhookConfiguration, certificateSecret } = names
  const clock = await readClock(connection, signal)
  const looker = new ClusterReader(connection, signal)
  const guards = { namespace, labelSelector: replicaSelector }
  const apps = { group: 'apps', version: 'v1', plural: 'deployments' }
  const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }
  const [
    map,
    definitions,
    registration,
    certificate,
    rights,
    deployments,
    pods,
    policies,
    entries,
    anchor,
    books,
    times,
  ] = await Promise.all([
    readMap(connection, names, signal),
    Promise.all(
      allKinds.map(async (kind) => ({
        kind,
        looked: await looker.object(
          {
            ...extensions,
            plural: 'customresourcedefinitions',
            name: `${kinds[kind].plural}.${group}`,
          },
          parseDefinition,
        ),
      })),
    ),
    looker.object(
      { ...admission, plural: 'validatingwebhookconfigurations', name: webhookConfiguration },
      parseRegistration,
    ),
    looker.object(
      { group: '', version: 'v1', plural: 'secrets', namespace, name: certificateSecret },
      parseCertificateSecret,
    ),
    Promise.all(
      rightsOf(names).map(async (right) => ({
        right,
        allowed: await looker.isAllowed(right, `system:serviceaccount:${namespace}:${names.serviceAccount}`),
      })),
    ),
    looker.list({ ...apps, ...guards }, parseDeployment),
    looker.list({ group: '', version: 'v1', plural: 'pods', ...guards }, parsePod),
    askReplicas(),
    looker.list({ ...leases, namespace, labelSelector: bookSelector }, (raw) => ({
      ok: true,
      value: entryOf(raw),
    })),
    looker.object({ ...leases, namespace: names.longhornNamespace, name: anchorName }, bookNamespaceOf),
    looker.list({ ...leases, labelSelector: bookSelector }, parseNamespace),
    looker.list({ ...leases, namespace, labelSelector: '' }, parseLeaseTime),
  ])
  const book = 'problem' in entries ? entries : { seen: sorted(entries.seen) }
  const now = systemClock.now()
  const dryRun = await tryGuard(map, { connection, longhornNamespace: names.longhornNamespace, signal })
  const rest = { definitions, registration, certificate, rights, deployments, pods, anchor, leases: times }
  return { names, now, clock, map, book, books: distinct(books), policies, dryRun, ...rest }
}

/** An object that is missing under a guessed name may exist under another one, so it counts as unread. */
export function withoutGuesses(facts: Facts, { isGuess, problem }: FoundNames): Facts {
  if (problem === undefined) return facts
  const unknown = {
    problem: `Its name could not be read from the Deployment of the guard, and nothing has the usual name: ${problem}`,
  }
  const ifNamed = <T>(name: Parameters<typeof isGuess>[0], looked: Probe<T | undefined>) =>
    isGuess(name) && 'seen' in looked && looked.seen === undefined ? unknown : looked
  return {
    ...facts,
    registration: ifNamed('webhookConfiguration', facts.registration),
    certificate: ifNamed('certificateSecret', facts.certificate),
    rights: facts.rights.map(({ right, allowed }) => ({
      right,
      allowed: isGuess('serviceAccount') && 'seen' in allowed && !allowed.seen ? unknown : allowed,
    })),
  }
}

/** After the map is read, since that determines what the guard has to deny. */
async function tryGuard(map: Facts['map'], modules: DryRunModules): Promise<Facts['dryRun']> {
  if ('problem' in map) return map
  const removal = forbiddenRemoval(map.seen)
  return { seen: removal && { removal, result: await tryRemoval(removal, modules) } }
}

function distinct(looked: Probe<readonly string[]>): Probe<readonly string[]> {
  return 'problem' in looked ? looked : { seen: [...new Set(looked.seen)].toSorted() }
}

function sorted(entries: readonly ReturnType<typeof entryOf>[]) {
  return {
    entries: entries.flatMap((entry) => (entry?.ok === true ? [entry.value] : [])),
    unreadable: entries.flatMap((entry) => (entry?.ok === false ? [entry.problem] : [])),
  }
}

async function readClock(connection: Connection, signal: AbortSignal): Promise<Probe<MeasuredClock>> {
  const sentAt = systemClock.now()
  try {
    const response = await connection.request({ method: 'GET', path: '/version', signal })
    const receivedAt = systemClock.now()
    await response.text()
    return measure({ sentAt, receivedAt, date: response.headers.date })
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new CannotRun(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

async function readMap(connection: Connection, names: Names, signal: AbortSignal): Promise<Facts['map']> {
  try {
    const live = await openMap(connection, names, signal)
    await live.stop()
    const [lost] = live.unreadable
    if (lost === undefined) return { seen: live.map }
    return { problem: `${lost.kind} ${lost.name} cannot be read: ${lost.problem}.` }
  } catch (error) {
    if (error instanceof CannotRun) return { problem: error.message }
    throw error
  }
}

const allKinds = Object.keys(kinds).filter((name): name is Kind => Object.hasOwn(kinds, name))
