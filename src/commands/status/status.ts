import { Type } from 'typebox'
import type { Disks, Intent } from '../../gate/reservation.ts'
import { type Parsed, parser } from '../../json/schema.ts'
import type { NotedStatus } from '../../longhorn/rescue-note.ts'
import { type Held, HeldSchema } from '../../observability/hold-record.ts'
import type { NodeState } from '../../rules/node-state.ts'
import type { LonghornRelease } from '../longhorn-text.ts'
import type { WaitingStatus } from './waiting.ts'

/**
 * How well the age of a clean-up is known. Longhorn does not record when one begins. A single look knows no
 * age; a watching command knows those of clean-ups that began meanwhile.
 */
type AgeKnown = 'unknown' | 'at least' | 'exact'

/** A copy that spec no longer has and status still lists. */
export interface PendingStatus {
  readonly image: string
  readonly diskUUID: string
  /** Null for a disk that no node has. */
  readonly node: string | null
  readonly disk: string | null
  /** The state in status: `ready`, `unknown`, … */
  readonly state: string
  /** Since when it is known to be pending; null if its age is unknown. */
  readonly since: string | null
  readonly ageKnown: AgeKnown
  /**
   * The state of the disk's backing image manager; null without one. Unless it is `running`, no clean-up
   * ends.
   */
  readonly managerState: string | null
}

/** An image without a usable copy on a disk that a node has and that is not lost. */
export interface NowhereStatus {
  readonly image: string
  /** Its source: `download`, `upload`, … */
  readonly sourceType: string
  /** The place where Longhorn expects it. */
  readonly copies: readonly {
    readonly diskUUID: string
    /** Null for a disk that no node has. */
    readonly node: string | null
    readonly disk: string | null
    readonly state: string
    /**
     * Why the disk counts as lost; null for a disk that no node has, and for an unusable copy on a good disk.
     */
    readonly why: string | null
  }[]
}

/** One UUID that the disks of several nodes have. */
export interface SharedDiskStatus {
  readonly diskUUID: string
  readonly owners: readonly { readonly node: string; readonly disk: string }[]
}

/** One disk in the spec of a node. */
export interface DiskStatus {
  readonly name: string
  /** Null until Longhorn has synced the disk. */
  readonly uuid: string | null
  /** Its own flag; the node's flag counts for it too. */
  readonly evictionRequested: boolean
  /** Its own switch; that of the node counts for it too. */
  readonly allowScheduling: boolean
  /** By what stands in spec and in status: in spec only, in both, in status only. */
  readonly copies: { readonly planned: number; readonly present: number; readonly pendingCleanup: number }
  readonly managerState: string | null
}

/** One Longhorn node. */
export interface NodeStatus {
  readonly name: string
  readonly state: NodeState
  /** When Longhorn has noticed the changes that ended there; null if none is known. */
  readonly settlesAt: string | null
  /** Its own flag, without those of its disks. */
  readonly evictionRequested: boolean
  /** Its own switch, without those of its disks. */
  readonly allowScheduling: boolean
  /** The flags that a rescue has noted; null without a note. */
  readonly noted: NotedStatus | null
  readonly disks: readonly DiskStatus[]
}

/** An admitted change that may still be committed, or an eviction that waits for clean-ups. */
export interface ReservationStatus {
  /** Null for disks that no node has. */
  readonly node: string | null
  readonly intent: Intent
  readonly object: { readonly kind: string; readonly name: string }
  readonly disks: Disks
  /**
   * After this time the API server can no longer commit the change. It is for people, by the clock of the
   * replica that wrote it.
   */
  readonly deadline: string
  /** The replica of the guard that admitted it. */
  readonly by: string
}

/** What all rules of a replica do; `mixed` if they differ. */
export type RulesMode = 'enforce' | 'warn' | 'off' | 'mixed'

/** The report of one replica of the guard. */
export interface GuardReplica {
  readonly replica: string
  readonly version: string
  /** True once it has read every Longhorn object. */
  readonly synced: boolean
  /** How many requests it holds now. */
  readonly holds: number
  /** Undefined for a replica of an older version. */
  readonly settle: { readonly settleMs: number; readonly settleAfterOutageMs: number } | undefined
  /** When a disk counts as lost there; absent for an older version. */
  readonly lostAfterMs?: number
  /** Since when it knows of each, in milliseconds by this process's own monotonic clock. */
  readonly pendingCleanups: readonly {
    readonly image: string
    readonly diskUUID: string
    readonly since: number
  }[]
  /** The nodes where an ended change still counts, and until when, in milliseconds by the same clock. */
  readonly settling: readonly { readonly node: string; readonly until: number }[]
  /** The mode of all its rules in one word; null for a replica of an older version. */
  readonly mode: RulesMode | null
  /** The release of Longhorn that it is configured for; null if it takes the running one, or is of an older version. */
  readonly release: string | null
  /** What it holds, and when it said so, in milliseconds by the same clock; absent for one of an older version. */
  readonly waiting?: { readonly receivedAt: number; readonly held: readonly Held[] }
}

/** The output of `holdfast status`: one document for programs, and the source of its tables. */
export interface Status {
  readonly apiVersion: 'holdfast.dev/v1'
  readonly kind: 'Status'
  /**
   * RFC 3339, by the clock of this machine, like every other time here except {@link
   * ReservationStatus.deadline}.
   */
  readonly observedAt: string
  /** The profile is that of the configured release, if there is one. */
  readonly longhorn: LonghornRelease & {
    /** The release that all replicas of the guard are configured to judge by; null if they take the running one. */
    readonly configured: string | null
  }
  /** What the guard holds now; null if its replicas cannot be asked. */
  readonly waiting: readonly WaitingStatus[] | null
  readonly nodes: readonly NodeStatus[]
  /** How many nodes `--only-affected` has left out. */
  readonly nodesLeftOut: number
  readonly pendingCleanups: readonly PendingStatus[]
  /** When a disk counts as lost, in milliseconds, and whether the guard reports it or it is the default. */
  readonly lostAfter: { readonly ms: number; readonly from: 'guard' | 'default' }
  /** Of all nodes, even if only some are shown. */
  readonly imagesNowhere: readonly NowhereStatus[]
  readonly sharedDisks: readonly SharedDiskStatus[]
  /** Null if they cannot be read. */
  readonly reservations: readonly ReservationStatus[] | null
  /** The replicas of the guard; null if they cannot be asked. */
  readonly guard:
    | readonly Omit<GuardReplica, 'settle' | 'lostAfterMs' | 'pendingCleanups' | 'settling' | 'waiting'>[]
    | null
}

/** True if the manager of some node crashes, or will at its next sync. */
export function someInDanger({ nodes }: Status): boolean {
  return nodes.some(({ state }) => state === 'danger')
}

/** True if the node is not in service and at rest: by its state, its scheduling, noted flags or a reservation. */
export function isAffected(
  { name, state, allowScheduling, noted, disks }: NodeStatus,
  reservations: Status['reservations'],
): boolean {
  const isClosed = !allowScheduling || disks.some((disk) => !disk.allowScheduling)
  return (
    state !== 'ok' || isClosed || noted !== null || (reservations ?? []).some(({ node }) => node === name)
  )
}

/** True if a node is in danger, or no disk has the file of an image. */
export function somethingIsWrong(status: Status): boolean {
  return someInDanger(status) || status.imagesNowhere.length > 0
}

/** Times of the past or future. They vary by the milliseconds that a replica takes to answer. The text `found` has an age. */
const times = new Set(['observedAt', 'settlesAt', 'since', 'until', 'found'])

/** True if both have the same content, whatever the time of their making. */
export function saysTheSame(a: Status, b: Status): boolean {
  const timeless = (status: Status): string =>
    JSON.stringify(status, (key, value: unknown) => (times.has(key) && value !== null ? '' : value))
  return timeless(a) === timeless(b)
}

const Ms = Type.Number()

/** Replicas of an older version report times of day, which are ignored: their clock may differ. */
const parseReplica = parser(
  Type.Object({
    replica: Type.String(),
    version: Type.String(),
    synced: Type.Boolean(),
    holds: Type.Number(),
    settleMs: Type.Optional(Ms),
    settleAfterOutageMs: Type.Optional(Ms),
    lostAfterMs: Type.Optional(Ms),
    pendingCleanups: Type.Optional(
      Type.Array(
        Type.Object({ image: Type.String(), diskUUID: Type.String(), pendingMs: Type.Optional(Ms) }),
      ),
    ),
    settling: Type.Optional(Type.Array(Type.Object({ node: Type.String(), leftMs: Type.Optional(Ms) }))),
    waiting: Type.Optional(Type.Array(HeldSchema)),
    policy: Type.Optional(
      Type.Object({
        modes: Type.Record(Type.String(), Type.String()),
        release: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      }),
    ),
  }),
  (answer) => answer,
)

/**
 * The report of one replica, with lengths of time converted to times of this process's own clock. The delay
 * of the answer makes ages a little too short and ends a little too late, and both err on the safe side.
 *
 * @param answer untrusted JSON
 * @param receivedAt when it came, in milliseconds by the monotonic clock
 */
export function readGuardReplica(answer: unknown, receivedAt: number): Parsed<GuardReplica> {
  const parsed = parseReplica(answer)
  if (!parsed.ok) return parsed
  const { replica, version, synced, holds, settleMs, settleAfterOutageMs, lostAfterMs } = parsed.value
  const { pendingCleanups = [], settling = [], waiting, policy } = parsed.value
  const hasNoticeTimes = settleMs !== undefined && settleAfterOutageMs !== undefined
  return {
    ok: true,
    value: {
      replica,
      version,
      synced,
      holds,
      mode: policy === undefined ? null : modeOf(policy.modes),
      // One form, so that a v more or less is no other release.
      release: policy?.release?.replace(/^v?(?=\d)/, 'v') ?? null,
      settle: hasNoticeTimes ? { settleMs, settleAfterOutageMs } : undefined,
      ...(lostAfterMs !== undefined && { lostAfterMs }),
      pendingCleanups: pendingCleanups.flatMap(({ image, diskUUID, pendingMs }) =>
        pendingMs === undefined ? [] : [{ image, diskUUID, since: receivedAt - pendingMs }],
      ),
      settling: settling.flatMap(({ node, leftMs }) =>
        leftMs === undefined ? [] : [{ node, until: receivedAt + leftMs }],
      ),
      ...(waiting && { waiting: { receivedAt, held: waiting } }),
    },
  }
}

function modeOf(modes: Readonly<Record<string, string>>): RulesMode | null {
  const [first, ...others] = new Set(Object.values(modes))
  if (others.length > 0) return 'mixed'
  return first === 'enforce' || first === 'warn' || first === 'off' ? first : null
}
