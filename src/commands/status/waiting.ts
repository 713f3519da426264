import type { Held } from '../../observability/hold-record.ts'

/** Why a request waits. */
interface WaitingCause {
  readonly rule: string
  /** In words, with its age. */
  readonly found: string
  readonly node: string | null
  readonly disk: string | null
  readonly diskUUID: string | null
  readonly image: string | null
  /** Since when the guard knows of it, in RFC 3339; null where nothing tells. */
  readonly since: string | null
  /** When time alone ends it, in RFC 3339; null where something has to happen. */
  readonly until: string | null
  /** Of the copy that has to be ready first, in percent; null where no copy is being made. */
  readonly progress: number | null
}

/** A request that the guard holds. */
export interface WaitingStatus {
  /** In words: `evicting disk-2 of node-1`. */
  readonly change: string
  readonly object: { readonly kind: string; readonly name: string }
  readonly user: string
  readonly door: string
  /** When its user first asked, in RFC 3339. */
  readonly since: string
  /** When it is answered at the latest, in RFC 3339. */
  readonly until: string
  /** The first of them. */
  readonly causes: readonly WaitingCause[]
  /** How many are left out. */
  readonly moreCauses: number
  /** The nodes that it is about, the first few. */
  readonly nodes: readonly string[]
  /** The replica that holds it. */
  readonly replica: string
}

/** What it is made from. */
interface Seen {
  /** Undefined if the replicas of the guard cannot be asked. */
  readonly guard:
    | readonly {
        readonly replica: string
        readonly waiting?: { readonly receivedAt: number; readonly held: readonly Held[] }
      }[]
    | undefined
  /** Only these nodes; all if there are none. */
  readonly only: ReadonlySet<string>
  /** Milliseconds by the monotonic clock of this process, and since the epoch. */
  readonly now: number
  readonly timeOfDay: number
}

/** What all replicas hold, the longest first. @returns null if they cannot be asked */
export function waitingStatus({ guard, ...observed }: Seen): WaitingStatus[] | null {
  if (guard === undefined) return null
  return guard
    .flatMap(({ replica, waiting }) =>
      (waiting?.held ?? [])
        .filter(({ nodes }) => isShown(nodes, observed))
        .map((held) => statusOf(held, replica, timeFrom(waiting?.receivedAt ?? observed.now, observed))),
    )
    .toSorted(
      (one, other) =>
        one.since.localeCompare(other.since, 'en') || one.change.localeCompare(other.change, 'en'),
    )
}

function isShown(nodes: readonly string[], { only }: Pick<Seen, 'only'>): boolean {
  return only.size === 0 || nodes.some((node) => only.has(node))
}

function statusOf(held: Held, replica: string, at: (ms: number) => string): WaitingStatus {
  const { change, object, user, door, waitedMs, leftMs, causes, moreCauses, nodes } = held
  return {
    change,
    object: { kind: object.kind, name: object.name },
    user,
    door,
    since: at(-waitedMs),
    until: at(leftMs),
    causes: causes.map((cause) => ({
      rule: cause.rule,
      found: cause.found,
      node: cause.node ?? null,
      disk: cause.disk ?? null,
      diskUUID: cause.diskUUID ?? null,
      image: cause.image ?? null,
      since: cause.sinceMs === undefined ? null : at(-cause.sinceMs),
      until: cause.leftMs === undefined ? null : at(cause.leftMs),
      progress: cause.progress ?? null,
    })),
    moreCauses,
    nodes,
    replica,
  }
}

/** Lengths of time from when they were told, as times of day of this machine. */
function timeFrom(receivedAt: number, { now, timeOfDay }: Pick<Seen, 'now' | 'timeOfDay'>) {
  return (ms: number): string => new Date(timeOfDay + receivedAt - now + ms).toISOString()
}
