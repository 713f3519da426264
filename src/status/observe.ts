import type { DiskMapView, PendingCleanup } from '../disk-map/disk-map-view.ts'
import { nodeOf, type Page } from '../gate/reservation-book.ts'
import type { Node } from '../longhorn/node.ts'
import { profileOf, type Profile } from '../longhorn/profile.ts'
import { defaultPolicy } from '../rules/policy.ts'
import { settlesAt } from '../rules/unnoticed.ts'
import { nodeStatus } from './node-status.ts'
import type { GuardReplica, PendingStatus, ReservationStatus, Status } from './status.ts'

/** What a status is made from. */
export interface Observed {
  readonly map: DiskMapView
  /** The book of reservations; undefined if it cannot be read. */
  readonly pages: Iterable<Page> | undefined
  /** What the replicas of the guard say; undefined if they cannot be asked. */
  readonly guard: readonly GuardReplica[] | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /**
   * For who watches: when everything had been read for the first time. What was pending by then may have been so for
   * long. Undefined for a single look.
   */
  readonly watchingSince: number | undefined
  /** Only these nodes; all if there are none. */
  readonly only: ReadonlySet<string>
}

/** Puts together what is to be seen now. Sorted by name, so that the same state always reads the same. */
export function observe(observed: Observed): Status {
  const { map, now } = observed
  const profile = profileOf(map.release)
  return {
    apiVersion: 'holdfast.dev/v1',
    kind: 'Status',
    observedAt: new Date(now).toISOString(),
    longhorn: { release: map.release ?? null, profile },
    nodes: byText(
      [...map.nodes()]
        .filter(({ metadata }) => isShown(observed, metadata.name))
        .map((node) => nodeStatus(node, map, profile, settling(node, profile, observed))),
      ({ name }) => name,
    ),
    pendingCleanups: byText(
      [...map.pendingCleanups()].flatMap((cleanup) => pendingStatus(cleanup, observed)),
      ({ node, disk, image, diskUUID }) => [node ?? '', disk ?? '', image, diskUUID].join(' '),
    ),
    reservations:
      observed.pages === undefined
        ? null
        : byText(
            [...observed.pages].flatMap((page) => reservationsOn(page, observed)),
            ({ node, object, intent }) => [node ?? '', object.kind, object.name, intent].join(' '),
          ),
    guard:
      observed.guard === undefined
        ? null
        : byText(
            observed.guard.map(({ replica, version, synced, holds }) => ({
              replica,
              version,
              synced,
              holds,
            })),
            ({ replica }) => replica,
          ),
  }
}

/**
 * Who watches knows of what has ended meanwhile, by the usual settings; the guard's replicas know of more, by theirs.
 *
 * @returns milliseconds since the epoch, undefined if nothing that has ended still counts
 */
function settling(node: Node, profile: Profile, { map, now, guard }: Observed): number | undefined {
  const told = (guard ?? [])
    .flatMap((replica) => replica.settling)
    .filter((each) => each.node === node.metadata.name && each.until > now)
    .map(({ until }) => until)
  const seen = guard === undefined ? settlesAt(node, { map, policy: defaultPolicy, profile, now }) : undefined
  const ends = [...told, ...(seen === undefined ? [] : [seen])]
  return ends.length > 0 ? Math.max(...ends) : undefined
}

function isShown({ only }: Observed, node: string | null): boolean {
  return only.size === 0 || (node !== null && only.has(node))
}

/** One for each node that has the disk, as a rule one. */
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
 * `lastStateTransitionTime` in status is of no use here: it tells when the file became ready or unknown, which is before
 * or after its key went from spec, whichever it likes.
 */
function pendingSince(
  { image, diskUUID, since }: PendingCleanup,
  { watchingSince, guard = [] }: Observed,
): Pick<PendingStatus, 'since' | 'ageKnown'> {
  if (watchingSince !== undefined && since > watchingSince) {
    return { since: new Date(since).toISOString(), ageKnown: 'exact' }
  }
  const seen = guard
    .flatMap(({ pendingCleanups }) => pendingCleanups)
    .filter((cleanup) => cleanup.image === image && cleanup.diskUUID === diskUUID)
    .map((cleanup) => cleanup.since)
  // A guard that was started later knows no more than that it was pending by then.
  const earliest = Math.min(...seen, ...(watchingSince === undefined ? [] : [since]))
  if (earliest === Infinity) return { since: null, ageKnown: 'unknown' }
  return { since: new Date(earliest).toISOString(), ageKnown: 'at least' }
}

function reservationsOn({ key, reservations }: Page, observed: Observed): ReservationStatus[] {
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
