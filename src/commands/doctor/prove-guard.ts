import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import { findGuard, webhookName } from '../../kubernetes/webhook-configuration.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import { findTarget, type Target } from '../evict/remains.ts'
import { guardPlace } from '../guard/guard-place.ts'
import { CannotRun } from '../surroundings.ts'
import { ClusterReader } from './cluster-reader.ts'
import {
  type Probe,
  parseRegistration,
  type Removal,
  type ReplicaPolicy,
  type DryRunResult,
} from './facts.ts'
import { whyNotHeld } from './policies.ts'
import { checkRegistration } from './registration.ts'
import { forbiddenRemoval, nothingToTry } from './dry-run.ts'

/** The parts of the proof. */
export interface ProofModules extends DryRunModules {
  readonly map: DiskMapView
  /** The guard's namespace from the command line; undefined to take that of its Leases. */
  readonly namespace?: string | undefined
  /** Called with each part that could not be proved. */
  readonly note: (text: string) => void
  /** The rules of the guard's replicas, or why they could not be asked. */
  readonly policies: Probe<readonly ReplicaPolicy[]>
}

const goOn = 'To go on anyway: --unguarded'

/**
 * Proves that a guard would hold the removal of a copy while a flag is up: by its registration, by the rules
 * of its replicas, and by a dry run that it has to deny.
 *
 * @returns false if a dry run has to prove it once the flag is up
 * @throws CannotRun if it would not hold the removal, or the proof fails
 */
export async function proveGuard(modules: ProofModules): Promise<boolean> {
  const { connection, longhornNamespace, namespace, signal, note, policies } = modules
  const named = namespace === undefined ? {} : { namespace }
  await proveRegistration(modules, await guardPlace(connection, { longhornNamespace, ...named }, { signal }))
  if ('problem' in policies) {
    note(
      `A dry run has to prove the guard, since its replicas could not be asked for their rules: ${policies.problem}`,
    )
    await proveDenial(modules)
    return false
  }
  const why = policies.seen.map(whyNotHeld).find((each) => each !== undefined)
  if (why !== undefined) {
    throw new CannotRun(
      `the guard would not hold back the removal of a copy while the flag is up: ${why}. Longhorn would crash its manager. ${goOn}`,
    )
  }
  if (policies.seen.every(({ modes }) => modes['last-usable-copy'] === 'enforce')) {
    await proveDenial(modules)
    return true
  }
  note('No dry run can be made before the flag is up: the replicas do not enforce last-usable-copy.')
  return false
}

/** Checks the registration. Mere warnings become notes. */
async function proveRegistration(
  { connection, longhornNamespace, signal, note }: ProofModules,
  namespace: string,
): Promise<void> {
  const name = await registrationName({ connection, signal })
  const place = {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    plural: 'validatingwebhookconfigurations',
    name,
  }
  const registration = await new ClusterReader(connection, signal).object(place, parseRegistration)
  const names = { namespace, longhornNamespace, webhookConfiguration: name }
  for (const { level, what, why } of checkRegistration({ registration, names })) {
    if (level === 'warn') note(`${what} ${why ?? ''}`)
    if (level === 'error' || level === 'unknown')
      throw new CannotRun(`the guard cannot be relied upon: ${what} ${why ?? ''} ${goOn}`)
  }
}

async function registrationName({
  connection,
  signal,
}: Pick<ProofModules, 'connection' | 'signal'>): Promise<string> {
  let found: string | undefined
  try {
    found = await findGuard(connection, signal)
  } catch (cause) {
    signal.throwIfAborted()
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CannotRun(`cannot tell whether a guard is registered: ${why}\n${goOn}`, { cause })
  }
  if (found !== undefined) return found
  throw new CannotRun(
    `no guard is registered in this cluster (no ValidatingWebhookConfiguration with webhook ${webhookName}): without one, Longhorn removes copies while the flag is up and crashes its manager. Install the guard. ${goOn}`,
  )
}

/** The whole chain works: the guard denies a write that it has to deny. */
async function proveDenial(modules: ProofModules): Promise<void> {
  const removal = forbiddenRemoval(modules.map)
  if (removal === undefined) {
    modules.note(`No dry run can prove that the guard denies what it must: ${nothingToTry}.`)
    return
  }
  const result = await tryRemoval(removal, modules)
  const what = `a dry run that removes all copies of backing image ${removal.image}`
  switch (result.result) {
    case 'denied':
      return
    case 'not-made':
      modules.note(`No dry run can prove that the guard denies what it must: ${result.why}`)
      return
    case 'unanswered':
      throw new CannotRun(`the guard does not judge: ${what} was answered with: ${result.why}\n${goOn}`)
    case 'admitted':
      throw new CannotRun(
        `the guard does not deny what it must deny: ${what} was admitted. It only warns (mode or rules), or the API server does not ask it. To find out: holdfast doctor. ${goOn}`,
      )
  }
}

/**
 * Proves, while the flag of a target is up, that the removal of a copy from it is held.
 *
 * @returns false if it is not; undefined if no dry run can prove it
 */
export async function provesHold(target: Target, modules: ProofModules): Promise<boolean | undefined> {
  const removal = removalFrom(target, modules.map)
  if (removal === undefined) return undefined
  const result = await tryRemoval(removal, modules)
  if (result.result === 'not-made') return undefined
  return result.result === 'denied' && result.rules.includes('cleanup-during-eviction')
}

/** One copy on the target, of an image with a ready copy elsewhere: no other rule stops its removal. */
function removalFrom(target: Target, map: DiskMapView): Removal | undefined {
  const uuids = [...(findTarget(target, map)?.uuids.values() ?? [])].flatMap((uuid) => uuid ?? [])
  for (const uuid of uuids) {
    for (const { metadata, spec } of map.imagesOn(uuid)) {
      if (metadata.terminating || metadata.uninstalling || !spec.diskFileSpecMap.has(uuid)) continue
      const elsewhere = map
        .copiesOf(metadata.name)
        .some(
          ({ diskUUID, phase, state }) =>
            phase === 'present' && state === 'ready' && !uuids.includes(diskUUID),
        )
      if (elsewhere) return { image: metadata.name, disks: [uuid] }
    }
  }
  return undefined
}

/** The cluster of a dry run. */
export interface DryRunModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly signal: AbortSignal
}

/**
 * Asks the API server to remove copies, as a dry run, which never writes. The guard answers at once.
 *
 * @throws the signal's reason
 */
export async function tryRemoval(
  { image, disks }: Removal,
  { connection, longhornNamespace, signal }: DryRunModules,
): Promise<DryRunResult> {
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(longhornNamespace)}/${kinds.BackingImage.plural}/${encodeURIComponent(image)}`
  try {
    await jsonRequest(connection, {
      method: 'PATCH',
      path,
      query: { dryRun: 'All' },
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { spec: { diskFileSpecMap: Object.fromEntries(disks.map((uuid) => [uuid, null])) } },
      signal,
    })
    return { result: 'admitted' }
  } catch (error) {
    signal.throwIfAborted()
    // An answer that is not JSON comes from a proxy before the API server, which may not have been asked.
    if (error instanceof ConnectionFailure || error instanceof MalformedAnswer)
      return { result: 'not-made', why: error.message }
    if (!(error instanceof ApiFailure)) throw error
    return outcomeOf(error)
  }
}

/** The API server names the webhook that denied, or that it could not call. */
function outcomeOf({ code, message, causes }: ApiFailure): DryRunResult {
  if (message.includes(`admission webhook "${webhookName}" denied the request`)) {
    // A guard that cannot judge denies too, without naming a rule.
    return code === 503 ? { result: 'unanswered', why: message } : { result: 'denied', rules: causes }
  }
  if (message.includes(`failed calling webhook "${webhookName}"`))
    return { result: 'unanswered', why: message }
  return { result: 'not-made', why: message }
}
