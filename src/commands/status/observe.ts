import type { DiskMapView, PendingCleanup } from '../../disk-map/disk-map-view.ts'
import { nodeOf, type Entry } from '../../gate/reservation-book.ts'
import type { CopyPhase } from '../../longhorn/copies.ts'
import { diskUUID, type Node } from '../../longhorn/node.ts'
import { isAssumed, type Profile, profileOf } from '../../longhorn/releases.ts'
import { notedStatus } from '../../longhorn/rescue-note.ts'
import { imagesWithoutDisk } from '../../rules/copies-left.ts'
import { settlesAt, sharedDisks } from '../../rules/disks-at-risk.ts'
import { whyNothingCountsOn } from '../../rules/lost.ts'
import { nodeState } from '../../rules/node-state.ts'
import { defaultPolicy } from '../../rules/policy.ts'
import {
  type DiskStatus,
  type GuardReplica,
  isAffected,
  type NodeStatus,
  type PendingStatus,
  type ReservationStatus,
  type Status,
} from './status.ts'
import { waitingStatus } from './waiting.ts'

/** The inputs of a status. */
export interface Observed {
  readonly map: DiskMapView
  /** The book of reservations; undefined if it cannot be read. */
  readonly entries: Iterable<Entry> | undefined
  /** The reports of the guard's replicas; undefined if they cannot be asked. */
  readonly guard: readonly GuardReplica[] | undefined
  /** Milliseconds by the monotonic clock of this process, like all times that are compared. */
  readonly now: number
  /** The time of day, in milliseconds since the epoch, for the output. */
  readonly timeOfDay: number
  /**
   * With `--watch`: when the first read was complete. A clean-up that was pending by then may be old.
   * Undefined for a single look.
   */
  readonly watchingSince: number | undefined
  /** Only these nodes; all if empty. */
  readonly only: ReadonlySet<string>
  /** Of these only the nodes that are not in service and at rest. */
  readonly onlyAffected?: boolean
}

/** Assembles the current status. Sorted by name, so that the same state always prints the same. */
export function observe(observed: Observed): Status {
  const { map, timeOfDay } = observed
  const configured = configuredRelease(observed)
  const judged = configured ?? map.release
  const profile = profileOf(judged)
  const reservations = reservationsShown(observed)
  const asked = byText(
    [...map.nodes()]
      .filter(({ metadata }) => isShown(observed, metadata.name))
      .map((node) => nodeStatus(node, map, profile, settling(node, profile, observed))),
    ({ name }) => name,
  )
  const nodes = observed.onlyAffected ? asked.filter((node) => isAffected(node, reservations)) : asked
  return {
    apiVersion: 'holdfast.dev/v1',
    kind: 'Status',
    observedAt: new Date(timeOfDay).toISOString(),
    longhorn: { release: map.release ?? null, configured, profile, assumed: isAssumed(judged) },
    waiting: waitingStatus(observed),
    nodes,
    nodesLeftOut: asked.length - nodes.length,
    pendingCleanups: byText(
      [...map.pendingCleanups()].flatMap((cleanup) => pendingStatus(cleanup, observed)),
      ({ node, disk, image, diskUUID }) => [node ?? '', disk ?? '', image, diskUUID].join(' '),
    ),
    ...lostAndShared(observed),
    reservations,
    guard:
      observed.guard === undefined
        ? null
        : byText(
            observed.guard.map(({ replica, version, synced, mode, release, holds }) => ({
              replica,
              version,
              synced,
              mode,
              release,
              holds,
            })),
            ({ replica }) => replica,
          ),
  }
}

/** The release by which all replicas judge in the place of the running one. While they differ, the running one counts. */
function configuredRelease({ guard = [] }: Observed): string | null {
  const [release = null, ...others] = new Set(guard.map((replica) => replica.release))
  return others.length > 0 ? null : release
}

/**
 * Only the guard's replicas know when a disk counts as lost. Each of them may decide, so the longest time
 * counts.
 */
function lostAfter({ guard }: Observed): Status['lostAfter'] {
  const perReplica = (guard ?? []).map(({ lostAfterMs }) => lostAfterMs)
  const known = perReplica.filter((ms) => ms !== undefined)
  return known.length > 0 && known.length === perReplica.length
    ? { ms: Math.max(...known), from: 'guard' }
    : { ms: defaultPolicy.lostAfterMs, from: 'default' }
}

function lostAndShared(observed: Observed): Pick<Status, 'lostAfter' | 'imagesNowhere' | 'sharedDisks'> {
  const { map, timeOfDay } = observed
  const after = lostAfter(observed)
  const circumstances = { map, policy: { ...defaultPolicy, lostAfterMs: after.ms }, timeOfDay }
  return {
    lostAfter: after,
    imagesNowhere: byText(
      [...imagesWithoutDisk(circumstances)].map(({ image, copies }) => ({
        image: image.metadata.name,
        sourceType: image.spec.sourceType,
        copies: copies.map(({ diskUUID, state }) => {
          const [owner] = map.ownersOf(diskUUID)
          const why = (owner && whyNothingCountsOn(owner, circumstances)) ?? null
          return { diskUUID, node: owner?.node ?? null, disk: owner?.disk ?? null, state, why }
        }),
      })),
      ({ image }) => image,
    ),
    sharedDisks: byText(
      [...sharedDisks(map)].map(({ diskUUID, owners }) => ({
        diskUUID,
        owners: byText(owners, ({ node, disk }) => [node, disk].join(' ')),
      })),
      ({ diskUUID }) => diskUUID,
    ),
  }
}

/**
 * A watching command knows the changes that ended meanwhile, with the default times; the guard's replicas
 * know more, with theirs.
 *
 * @returns the time of day in RFC 3339, null if no ended change still counts
 */
function settling(node: Node, profile: Profile, observed: Observed): string | null {
  const { map, now, guard } = observed
  const known = (guard ?? [])
    .flatMap((replica) => replica.settling)
    .filter((each) => each.node === node.metadata.name && each.until > now)
    .map(({ until }) => until)
  const seen = guard === undefined ? settlesAt(node, { map, policy: defaultPolicy, profile, now }) : undefined
  const ends = [...known, ...(seen === undefined ? [] : [seen])]
  return ends.length > 0 ? shown(Math.max(...ends), observed) : null
}

function isShown({ only }: Observed, node: string | null): boolean {
  return only.size === 0 || (node !== null && only.has(node))
}

/** One for each node that has the disk, normally one. */
function pendingStatus(cleanup: PendingCleanup, observed: Observed): PendingStatus[] {
  const { map } = observed
  const { image, diskUUID, state } = cleanup
  const owners = map.ownersOf(diskUUID)
  return (owners.length === 0 ? [{ node: null, disk: null }] : owners)
    .filter(({ node }) => isShown(observed, node))
    .map(({ node, disk }) => ({
      image,
      diskUUID,
      node,
      disk,
      state,
      ...pendingSince(cleanup, observed),
      managerState: map.managerState(diskUUID) ?? null,
    }))
}

/**
 * `lastStateTransitionTime` in status is useless here: it tells when the file became ready or unknown, before
 * or after its key left spec.
 */
function pendingSince(
  { image, diskUUID, since }: PendingCleanup,
  observed: Observed,
): Pick<PendingStatus, 'since' | 'ageKnown'> {
  const { watchingSince, guard = [] } = observed
  if (watchingSince !== undefined && since > watchingSince) {
    return { since: shown(since, observed), ageKnown: 'exact' }
  }
  const seen = guard
    .flatMap(({ pendingCleanups }) => pendingCleanups)
    .filter((cleanup) => cleanup.image === image && cleanup.diskUUID === diskUUID)
    .map((cleanup) => cleanup.since)
  // A guard that was started later only knows that it was pending by then.
  const earliest = Math.min(...seen, ...(watchingSince === undefined ? [] : [since]))
  if (earliest === Infinity) return { since: null, ageKnown: 'unknown' }
  return { since: shown(earliest, observed), ageKnown: 'at least' }
}

/** A counted time as a time of day: only its distance from now is used. */
function shown(counted: number, { now, timeOfDay }: Observed): string {
  return new Date(timeOfDay + counted - now).toISOString()
}

function reservationsShown(observed: Observed): Status['reservations'] {
  if (observed.entries === undefined) return null
  return byText(
    [...observed.entries].flatMap((entry) => reservationsOn(entry, observed)),
    ({ node, object, intent }) => [node ?? '', object.kind, object.name, intent].join(' '),
  )
}

function reservationsOn({ key, reservations }: Entry, observed: Observed): ReservationStatus[] {
  const node = nodeOf(key) ?? null
  if (!isShown(observed, node)) return []
  return reservations.map(({ intent, kind, name, disks, deadline, by }) => ({
    node,
    intent,
    object: { kind, name },
    disks,
    deadline: new Date(deadline).toISOString(),
    by,
  }))
}

function byText<T>(items: readonly T[], text: (item: T) => string): T[] {
  return items.toSorted((a, b) => text(a).localeCompare(text(b), 'en', { numeric: true }))
}

/**
 * The status of one node.
 *
 * @param settlesAt when Longhorn has noticed the changes that ended there, in RFC 3339; null without such
 * changes
 */
function nodeStatus(node: Node, map: DiskMapView, profile: Profile, settlesAt: string | null): NodeStatus {
  return {
    name: node.metadata.name,
    state: nodeState(node, map, profile, settlesAt !== null),
    settlesAt,
    evictionRequested: node.spec.evictionRequested,
    allowScheduling: node.spec.allowScheduling,
    noted: notedStatus(node.rescue),
    disks: [...node.spec.disks]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { evictionRequested, allowScheduling }]): DiskStatus => {
        const uuid = diskUUID(node, name)
        return {
          name,
          uuid: uuid ?? null,
          evictionRequested,
          allowScheduling,
          copies: copiesOn(uuid, map),
          managerState: uuid === undefined ? null : (map.managerState(uuid) ?? null),
        }
      }),
  }
}

function copiesOn(uuid: string | undefined, map: DiskMapView): DiskStatus['copies'] {
  const counts: Record<CopyPhase, number> = { planned: 0, present: 0, 'pending cleanup': 0 }
  for (const { metadata } of uuid === undefined ? [] : map.imagesOn(uuid)) {
    for (const copy of map.copiesOf(metadata.name)) if (copy.diskUUID === uuid) counts[copy.phase] += 1
  }
  const { planned, present } = counts
  return { planned, present, pendingCleanup: counts['pending cleanup'] }
}
