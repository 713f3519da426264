import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Change } from '../rules/change.ts'
import { anyChange, type Changed, entryChange, objectChange } from './change-bus.ts'
import { type Conflict, findingOf } from './conflict-finding.ts'
import { unownedDisks } from './reservation-book.ts'
import type { Objection, Verdict, Warning } from './verdict.ts'
import type { Waited } from './waiting-list.ts'

/** One attempt to admit a change. */
export interface Attempt {
  readonly verdict: Verdict
  /** For a hold: the changes after which another attempt is useful; see {@link isAwaited}. */
  readonly wakeOn: ReadonlySet<Changed>
  /** For a hold: when time alone may have changed the result, by {@link Clock.monotonic}. */
  readonly wakeAt: number | undefined
  /** The wait before it, in milliseconds; absent for a first attempt. */
  readonly heldMs?: number
  /** Its wait since the user first asked, and the cause; absent if it did not wait. */
  readonly waited?: Waited
  /** Releases the reservations of an admitted change. */
  readonly release?: () => Promise<void>
  /** True once it is too late to forward an admitted change. */
  readonly isLate?: () => boolean
}

/** An attempt with this verdict, and for a hold the changes that another attempt has to wait for. */
export function attemptOf(verdict: Verdict, map: DiskMapView): Attempt {
  if (verdict.decision !== 'hold') return { verdict, wakeOn: new Set(), wakeAt: undefined }
  const { objections } = verdict
  // Not spread into a call, since a call takes only so many arguments.
  const first = objections.reduce((soonest, { until }) => Math.min(soonest, until ?? Infinity), Infinity)
  return { verdict, wakeOn: whatEnds(objections, map), wakeAt: first === Infinity ? undefined : first }
}

/** The attempt of a change that has met another one. @param warnings that it has besides */
export function heldBy(
  conflict: Conflict,
  change: Change,
  warnings: readonly Warning[],
  map: DiskMapView,
): Attempt {
  return {
    verdict: { decision: 'hold', objections: [findingOf(change, conflict, map)], warnings },
    wakeOn: whatEndsConflict(conflict),
    wakeAt: conflict.until + 1,
  }
}

/** The changes after which one of these objections may be gone; see {@link isAwaited} for how to compare. */
function whatEnds(objections: readonly Objection[], map: DiskMapView): Set<Changed> {
  const changed = new Set<Changed>()
  for (const { rule, subjects } of objections) {
    // The other copies depend on the flags of all nodes that have them.
    if (rule === 'evict-unready-copy') changed.add(anyChange('Node'))
    // A finding about most images names none of them.
    if (rule === 'eviction-during-cleanup' && subjects.every(({ image }) => image === undefined))
      changed.add(anyChange('BackingImage'))
    for (const { node, image, diskUUID } of subjects) {
      if (node !== undefined) changed.add(objectChange('Node', node))
      // The watch of nodes can be behind that of images: any node may show the disk.
      if (diskUUID !== undefined && !map.isAtWork(diskUUID)) changed.add(anyChange('Node'))
      if (image === undefined) continue
      changed.add(objectChange('BackingImage', image))
      changed.add(objectChange('BackingImageDataSource', image))
    }
  }
  return changed
}

/** The changes after which a conflict may be gone. */
function whatEndsConflict({ claim, reservation }: Conflict): Set<Changed> {
  const changed = new Set([entryChange(claim.entry), objectChange(reservation.kind, reservation.name)])
  // Once a node shows the disk, the two no longer meet on this entry.
  if (claim.entry === unownedDisks) changed.add(anyChange('Node'))
  return changed
}
