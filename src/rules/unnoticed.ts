import { type Ended, type EndingKind, endingKinds, type UnseenChanges } from '../disk-map/disk-map-view.ts'
import { diskUUID, type Node } from '../longhorn/node.ts'
import type { Policy } from './policy.ts'
import type { Circumstances } from './rule.ts'

/** The inputs of whether an ended change still counts. */
export type NoticeCircumstances = Pick<Circumstances, 'map' | 'policy' | 'profile' | 'now'>

/**
 * An ended change that Longhorn may not have noticed yet, and when it certainly has, in milliseconds by the
 * monotonic clock.
 */
export interface Unnoticed<T> {
  readonly over: T
  readonly until: number
}

/** The ended changes on a disk that still count, if they can crash a manager. */
export function* unnoticedOn<W extends Ended['what']>(
  what: W,
  diskUUID: string,
  circumstances: NoticeCircumstances,
): Iterable<Unnoticed<Extract<Ended, { what: W }>>> {
  for (const over of circumstances.map.history.endedOn(diskUUID)) {
    if (!isAbout(over, what)) continue
    const until = unnoticedUntil(over.at, circumstances)
    if (until !== undefined) yield { over, until }
  }
}

/** Changes that came and went unseen by the guard and still count, if they can crash a manager. */
export function* unseenOf(
  kind: EndingKind,
  circumstances: NoticeCircumstances,
): Iterable<Unnoticed<UnseenChanges>> {
  const over = circumstances.map.history.unseen(kind)
  const until = over && unnoticedUntil(over.at, circumstances)
  if (over && until !== undefined) yield { over, until }
}

/**
 * Until when an ended change still counts, since a manager of Longhorn may not have noticed: its caches lag,
 * and a sync goes on with the node that it began with. Undefined once it has, or if nothing crashes.
 *
 * @param at when it ended at the latest, in milliseconds by the monotonic clock
 */
function unnoticedUntil(at: number, { map, policy, profile, now }: NoticeCircumstances): number | undefined {
  const { settleMs, settleAfterOutageMs } = policy
  if (settleMs === 0 || profile === 'C' || profile === 'none') return undefined
  const { outage } = map.history
  // A change that ended shortly before an outage may not have reached every manager before it.
  const isCutOff = outage !== undefined && at > outage.began - settleMs
  const untilReconnected = isCutOff ? (outage.ended ?? now) + settleAfterOutageMs : 0
  const until = Math.max(at + settleMs, untilReconnected)
  return until > now ? until : undefined
}

/**
 * Until when an ended change still counts on a node, so that an eviction or a clean-up waits; undefined
 * without one.
 */
export function settlesAt(node: Node, circumstances: NoticeCircumstances): number | undefined {
  let last = 0
  for (const disk of node.spec.disks.keys()) {
    const uuid = diskUUID(node, disk)
    if (uuid === undefined) continue
    for (const over of circumstances.map.history.endedOn(uuid)) {
      if (over.what === 'eviction' && circumstances.profile !== 'A' && !over.evicting) continue
      last = Math.max(last, unnoticedUntil(over.at, circumstances) ?? 0)
    }
  }
  for (const kind of endingKinds)
    for (const { until } of unseenOf(kind, circumstances)) last = Math.max(last, until)
  return last > 0 ? last : undefined
}

/** The longest delay until an outage is noticed: the next byte does not come, and then the list shows it. */
const noticeMs = 2 * 60_000

/** How long an ended change still counts, in milliseconds. */
export type NoticeTimes = Pick<Policy, 'settleMs' | 'settleAfterOutageMs'>

/** How long a disk map has to remember ended changes, in milliseconds. */
export function rememberMs({ settleMs, settleAfterOutageMs }: NoticeTimes): number {
  return settleMs + settleAfterOutageMs + noticeMs
}

function isAbout<W extends Ended['what']>(over: Ended, what: W): over is Extract<Ended, { what: W }> {
  return over.what === what
}
