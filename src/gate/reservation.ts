import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder, type Metadata } from '../longhorn/metadata.ts'
import type { JudgedKind } from '../rules/change.ts'

/**
 * The effect of an admitted change on the disks of a node. An `eviction` conflicts with all others: it must
 * not meet the `removal` of a copy or the `placement` of a first file, nor take a copy that another change
 * counts on to `keep`. All others are compatible. On a separate entry, a `write` through a proxy conflicts
 * with every other of the same object.
 */
export const intents = ['eviction', 'removal', 'placement', 'keep', 'write'] as const

/** One of the {@link intents}. */
export type Intent = (typeof intents)[number]

/** Disk UUIDs, or `any` for all disks of the node, known or not. */
export type Disks = readonly string[] | 'any'

/**
 * Says that a change was admitted and may be committed at any moment, or that an eviction waits for that
 * (reserved-ahead.ts). It belongs to object and intent, not to a request: one client request can be reviewed
 * many times (kubernetes.md, The request).
 */
export interface Reservation {
  readonly kind: JudgedKind
  readonly name: string
  readonly uid: string
  /** The version that was reviewed: the API server commits the write on it or reviews it again. Empty on CREATE. */
  readonly resourceVersion: string
  readonly intent: Intent
  readonly disks: Disks
  /**
   * When the API server can no longer commit the write, by its writer's time of day, in milliseconds since
   * the epoch. It is for people: replicas count {@link lastsMs} by their own clock, unless that is absent.
   */
  readonly deadline: number
  /** The duration when it was made, in milliseconds; absent if an older version of Holdfast made it. */
  readonly lastsMs?: number | undefined
  /** The replica of the guard that admitted it, for people: two processes may have one name. */
  readonly by: string
  /** Unique among the admissions of all processes. */
  readonly stamp: string
  /**
   * True if the write may not be bound to the reviewed version: Longhorn's REST API writes on the current
   * version, whatever it is. A newer version then proves nothing; its door releases it once the upstream has
   * answered.
   */
  readonly pinned?: boolean | undefined
}

/**
 * The minimum duration of a reservation by an older version of Holdfast, in milliseconds: through its
 * webhook, and through its proxies with their own limits. A proxy with longer limits shows them only in the
 * deadline.
 */
const olderMs = { webhook: 70_000, proxy: 190_000 } as const

/**
 * How long after this process first saw it its write may be committed, in milliseconds. A reservation by an
 * older version lasts until its deadline if that is longer: a wrong clock only errs on the safe side.
 *
 * @param now when it was first seen, by the time of day
 */
export function lastsMs({ lastsMs: given, pinned, deadline }: Reservation, now: number): number {
  return given ?? Math.max(pinned === true ? olderMs.proxy : olderMs.webhook, deadline - now)
}

/**
 * The stamp of a reservation.
 *
 * @param process random, made once for each process, so no two give the same stamp
 */
export function stampOf(replica: string, process: string, count: number): string {
  return `${replica}/${process}/${count}`
}

/** True if this process made the reservation. */
export function isOwn({ stamp }: Reservation, process: string): boolean {
  return stamp.split('/').at(-2) === process
}

/** True if the two must not be pending at the same time. */
export function conflict(a: Pick<Reservation, 'intent' | 'disks'>, b: Pick<Reservation, 'intent' | 'disks'>) {
  if (a.intent === 'write' || b.intent === 'write') return a.intent === b.intent
  return (a.intent === 'eviction') !== (b.intent === 'eviction') && overlap(a.disks, b.disks)
}

/** True if both have the same object: of two writes on one version the API server commits one at most. */
export function isSameObject(
  a: Pick<Reservation, 'kind' | 'name' | 'uid'>,
  b: Pick<Reservation, 'kind' | 'name' | 'uid'>,
): boolean {
  return a.kind === b.kind && a.name === b.name && a.uid === b.uid
}

/** True if both have the same object and intent, so that one replaces the other. */
export function isSameClaim(a: Reservation, b: Reservation): boolean {
  return isSameObject(a, b) && a.intent === b.intent
}

/**
 * The maximum of disks in one reservation. More are reserved as all disks of the entry, which errs on the safe
 * side: no node has so many, and the annotations of a Lease hold 256 KiB.
 */
export const mostDisks = 1_000

/** All disks of all, each once and in order; `any` above {@link mostDisks}. */
export function union(all: readonly Disks[]): Disks {
  const uuids = new Set<string>()
  for (const disks of all) {
    if (disks === 'any') return 'any'
    for (const uuid of disks) uuids.add(uuid)
    if (uuids.size > mostDisks) return 'any'
  }
  return [...uuids].toSorted()
}

/** True if every disk of `b` is in `a`. */
export function covers(a: Disks, b: Disks): boolean {
  if (a === 'any') return true
  if (b === 'any') return false
  const known = setOf(a)
  return b.every((uuid) => known.has(uuid))
}

/**
 * Merges two admissions of one object and intent: either may be committed.
 *
 * @param now the time of day
 */
export function both(fresh: Reservation, earlier: Reservation, now: number): Reservation {
  const later = isOlder(fresh.resourceVersion, earlier.resourceVersion) ? earlier : fresh
  return {
    ...fresh,
    resourceVersion: later.resourceVersion,
    disks: union([fresh.disks, earlier.disks]),
    deadline: Math.max(fresh.deadline, earlier.deadline),
    lastsMs: Math.max(lastsMs(fresh, now), lastsMs(earlier, now)),
  }
}

function overlap(a: Disks, b: Disks): boolean {
  if (a === 'any' || b === 'any') return true
  const [fewer, more] = a.length < b.length ? [a, b] : [b, a]
  const known = setOf(more)
  return fewer.some((uuid) => known.has(uuid))
}

/** Made once for each list, which is compared with every reservation of its entry. */
const sets = new WeakMap<readonly string[], ReadonlySet<string>>()

function setOf(uuids: readonly string[]): ReadonlySet<string> {
  let set = sets.get(uuids)
  if (!set) sets.set(uuids, (set = new Set(uuids)))
  return set
}

/**
 * True once the disk map shows the result of the change: a version newer than the reviewed one. Either that
 * was the write, and every later quorum read shows it, or the write can no longer be committed. The map may
 * not know a missing object yet, so its absence proves nothing.
 */
export function isResolved(reservation: Reservation, map: DiskMapView): boolean {
  return resolvedIn(reservation, map) !== undefined
}

/** The version that shows so; undefined while there is none. */
export function resolvedIn(reservation: Reservation, map: DiskMapView): string | undefined {
  if (reservation.pinned === true) return undefined
  const metadata = map.object(reservation.kind, reservation.name)?.metadata
  return metadata && isNewer(reservation, metadata) ? metadata.resourceVersion : undefined
}

/** True if this, read at any time, is newer than the reviewed version. */
export function isNewer({ uid, resourceVersion }: Reservation, metadata: Metadata): boolean {
  if (resourceVersion === '') return metadata.uid === uid && uid !== ''
  return isOlder(resourceVersion, metadata.resourceVersion)
}
