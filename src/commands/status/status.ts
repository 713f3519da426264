import { Type } from 'typebox'
import type { Disks, Intent } from '../../gate/reservation.ts'
import { type Parsed, parser } from '../../json/schema.ts'
import type { CopyPhase } from '../../longhorn/copies.ts'
import type { Profile } from '../../longhorn/releases.ts'

/**
 * Where a node stands, the worst that is true of it: a flag and a clean-up that have met are `danger`. `settling` is one
 * where something has ended that Longhorn may not have noticed yet, `down` one without a manager that works.
 */
export type NodeState = 'danger' | 'flagged' | 'cleaning up' | 'down' | 'settling' | 'ok'

/**
 * How much is known of the age of a clean-up. Longhorn does not write down when one begins: a single look knows nothing
 * of it, and who watches knows it of those that began meanwhile.
 */
type AgeKnown = 'unknown' | 'at least' | 'exact'

/** A copy that is gone from spec and still in status. */
export interface PendingStatus {
  readonly image: string
  readonly diskUUID: string
  /** Null for a disk that no node has. */
  readonly node: string | null
  readonly disk: string | null
  /** The state in status: `ready`, `unknown`, … */
  readonly state: string
  /** Since when it is known to be pending; null when its age is unknown. */
  readonly since: string | null
  readonly ageKnown: AgeKnown
  /** Of the disk's backing image manager; null if it has none. While it is not `running`, no clean-up ends. */
  readonly managerState: string | null
}

/** An image without a usable copy on a disk that a node has and that is not lost. */
export interface NowhereStatus {
  readonly image: string
  /** How it was made: `download`, `upload`, … */
  readonly sourceType: string
  /** Where Longhorn looks for it. */
  readonly copies: readonly {
    readonly diskUUID: string
    /** Null for a disk that no node has. */
    readonly node: string | null
    readonly disk: string | null
    readonly state: string
    /** Why the disk counts as lost; null for one that no node has, and for a copy that is not usable as it is. */
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
  /** Null until Longhorn has seen the disk. */
  readonly uuid: string | null
  /** Its own flag; that of the node counts for it too. */
  readonly evictionRequested: boolean
  /** Its own switch; that of the node counts for it too. */
  readonly allowScheduling: boolean
  readonly copies: Readonly<Record<CopyPhase, number>>
  readonly managerState: string | null
}

/** One Longhorn node. */
export interface NodeStatus {
  readonly name: string
  readonly state: NodeState
  /** When Longhorn has noticed what has ended there; null if nothing is known to have. */
  readonly settlesAt: string | null
  /** Its own flag, without those of its disks. */
  readonly evictionRequested: boolean
  /** Its own switch, without those of its disks. */
  readonly allowScheduling: boolean
  readonly disks: readonly DiskStatus[]
}

/** An admitted change that may still be committed. */
export interface ReservationStatus {
  /** Null for disks that no node has. */
  readonly node: string | null
  readonly intent: Intent
  readonly object: { readonly kind: string; readonly name: string }
  readonly disks: Disks
  /** After this the API server can no longer commit the change: for people, by the clock of the replica that wrote it. */
  readonly deadline: string
  /** The replica of the guard that admitted it. */
  readonly by: string
}

/** What a replica of the guard says of itself. */
export interface GuardReplica {
  readonly replica: string
  readonly version: string
  /** True once it has read every Longhorn object. */
  readonly synced: boolean
  /** How many changes it holds now. */
  readonly holds: number
  /** Undefined for one of an older version. */
  readonly settle: { readonly settleMs: number; readonly settleAfterOutageMs: number } | undefined
  /** When a disk counts as lost there; absent for one of an older version. */
  readonly lostAfterMs?: number
  /** Since when it knows of each, in milliseconds by this process's own monotonic clock. */
  readonly pendingCleanups: readonly {
    readonly image: string
    readonly diskUUID: string
    readonly since: number
  }[]
  /** The nodes where what has ended still counts, and until when, in milliseconds by the same clock. */
  readonly settling: readonly { readonly node: string; readonly until: number }[]
}

/** What `holdfast status` shows: one document for programs, and what its tables are made from. */
export interface Status {
  readonly apiVersion: 'holdfast.dev/v1'
  readonly kind: 'Status'
  /** RFC 3339, by the clock of this machine, as is every other time that it shows but {@link ReservationStatus.deadline}. */
  readonly observedAt: string
  readonly longhorn: {
    /** As in Setting `current-longhorn-version`; null if that is not known, and then the worst is assumed. */
    readonly release: string | null
    readonly profile: Profile
    /** True if the release is not known, or names none: the profile is the worst then. */
    readonly assumed: boolean
  }
  readonly nodes: readonly NodeStatus[]
  readonly pendingCleanups: readonly PendingStatus[]
  /** When a disk counts as lost, in milliseconds, and whether the guard says so or it is the default. */
  readonly lostAfter: { readonly ms: number; readonly from: 'guard' | 'default' }
  /** Of all nodes, whichever are shown. */
  readonly imagesNowhere: readonly NowhereStatus[]
  readonly sharedDisks: readonly SharedDiskStatus[]
  /** Null if they cannot be read. */
  readonly reservations: readonly ReservationStatus[] | null
  /** The replicas of the guard; null if they cannot be asked. */
  readonly guard:
    readonly Omit<GuardReplica, 'settle' | 'lostAfterMs' | 'pendingCleanups' | 'settling'>[] | null
}

/** True if there is a node whose manager crashes, or will at its next look. */
export function someInDanger({ nodes }: Status): boolean {
  return nodes.some(({ state }) => state === 'danger')
}

/** True if a node is in danger, or the file of an image is nowhere to be found. */
export function somethingIsWrong(status: Status): boolean {
  return someInDanger(status) || status.imagesNowhere.length > 0
}

/** When something was or will be, which differs by the milliseconds that asking a replica takes. */
const times = new Set(['observedAt', 'settlesAt', 'since'])

/** True if both say the same, whenever they were made. */
export function saysTheSame(a: Status, b: Status): boolean {
  const timeless = (status: Status): string =>
    JSON.stringify(status, (key, value: unknown) => (times.has(key) && value !== null ? '' : value))
  return timeless(a) === timeless(b)
}

const Ms = Type.Number()

/** Replicas of an older version tell times of day, which are passed over: their clock may be another one. */
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
  }),
  (answer) => answer,
)

/**
 * What a replica of the guard has answered, with lengths of time turned into times by this process's own clock. The way
 * of the answer makes ages a little too short and ends a little too late, which is the careful side of both.
 *
 * @param answer untrusted JSON
 * @param heardAt when it came, in milliseconds by the monotonic clock
 */
export function heardReplica(answer: unknown, heardAt: number): Parsed<GuardReplica> {
  const parsed = parseReplica(answer)
  if (!parsed.ok) return parsed
  const { replica, version, synced, holds, settleMs, settleAfterOutageMs, lostAfterMs } = parsed.value
  const { pendingCleanups = [], settling = [] } = parsed.value
  const isTold = settleMs !== undefined && settleAfterOutageMs !== undefined
  return {
    ok: true,
    value: {
      replica,
      version,
      synced,
      holds,
      settle: isTold ? { settleMs, settleAfterOutageMs } : undefined,
      ...(lostAfterMs !== undefined && { lostAfterMs }),
      pendingCleanups: pendingCleanups.flatMap(({ image, diskUUID, pendingMs }) =>
        pendingMs === undefined ? [] : [{ image, diskUUID, since: heardAt - pendingMs }],
      ),
      settling: settling.flatMap(({ node, leftMs }) =>
        leftMs === undefined ? [] : [{ node, until: heardAt + leftMs }],
      ),
    },
  }
}
