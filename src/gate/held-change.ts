import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { copiesOf, isReadySoon } from '../longhorn/copies.ts'
import { type Change, type JudgedKind, nameOf, type Request } from '../rules/change.ts'
import type { RuleName, Subject } from '../rules/finding.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import type { Objection } from './verdict.ts'

/** One reason why a change waits. Times are by the monotonic clock. */
export interface HoldCause {
  readonly rule: RuleName
  /** In words, with its age: `backing image ubuntu is still being removed from disk-1 (for 12s)`. */
  readonly found: string
  /** The first thing that it is about. */
  readonly subject: Subject
  /** When the guard first saw it; absent if the disk map does not have it. */
  readonly since?: number
  /** When time alone ends it. */
  readonly until?: number
  /** How far the copy is that has to be ready first, in percent; left out where no copy is being made. */
  readonly progress?: number
}

/** One change that waits, as people see it. All texts are one line and bounded. Times are by the monotonic clock. */
export interface HeldChange {
  /** Unique in one process. */
  readonly id: number
  readonly request: { readonly uid: string; readonly user: string; readonly door: Request['door'] }
  readonly operation: Change['operation']
  readonly object: { readonly kind: JudgedKind; readonly name: string; readonly uid: string }
  /** The change in words: `evicting disk-2 of node-1`. */
  readonly doing: string
  /** When this user first asked for it, retries included. */
  readonly since: number
  /** True if the same request got a 429 a moment ago. */
  readonly isRetry: boolean
  /** When it is answered at the latest. */
  readonly until: number
  /** The first reasons. */
  readonly causes: readonly HoldCause[]
  /** How many causes are not among them. */
  readonly moreCauses: number
  /** The nodes that it is about, the first few. */
  readonly nodes: readonly string[]
}

/** The facts of a hold besides its change. */
interface HoldFacts extends Pick<HeldChange, 'id' | 'doing' | 'since' | 'isRetry' | 'until'> {
  readonly objections: readonly Objection[]
}

/** The most causes that are listed; an eviction can have one for each image of a node. */
const listedCauses = 5

/** The most nodes that are listed of one change. */
const listedNodes = 5

/** Longer than any name of Kubernetes (253), in UTF-16 units. */
const longestName = 256

/** The maximum length of `found`, in UTF-16 units. */
const longestText = 512

/** Describes a hold for people. */
export function describe(change: Change, facts: HoldFacts, map: DiskMapView): HeldChange {
  const { objections, doing, ...rest } = facts
  const { uid, actor, door } = change.request
  const subjects = objections.slice(0, listedCauses).flatMap((objection) => objection.subjects.slice(0, 1))
  const nodes = [
    ...(change.kind === 'Node' ? [nameOf(change)] : []),
    ...subjects.flatMap(({ node }) => node ?? []),
  ]
  return {
    ...rest,
    request: { uid: name(uid), user: name(actor.username), door },
    operation: change.operation,
    object: {
      kind: change.kind,
      name: name(nameOf(change)),
      uid: (change.after ?? change.before).metadata.uid,
    },
    doing: cut(plainLine(doing), longestText),
    causes: objections.slice(0, listedCauses).map((objection) => causeOf(objection, map)),
    moreCauses: Math.max(0, objections.length - listedCauses),
    nodes: [...new Set(nodes.map(name))].slice(0, listedNodes),
  }
}

function causeOf(objection: Objection, map: DiskMapView): HoldCause {
  const { rule, found, subjects, until } = objection
  const [subject = {}] = subjects
  const since = until === undefined ? pendingSince(objection, subject, map) : undefined
  const progress = rule === 'eviction-during-cleanup' ? undefined : progressOf(subject, map)
  return {
    rule,
    found: cut(plainLine(found), longestText),
    subject: cleanSubject(subject),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(progress !== undefined && { progress }),
  }
}

/** Of a clean-up alone it is known when it was first seen. */
function pendingSince(
  { rule }: Pick<Objection, 'rule'>,
  { image, diskUUID }: Subject,
  map: DiskMapView,
): number | undefined {
  if (rule !== 'eviction-during-cleanup' || image === undefined) return undefined
  for (const cleanup of map.pendingOf(image)) if (cleanup.diskUUID === diskUUID) return cleanup.since
  return undefined
}

/** The progress of the copy that will be ready first. Longhorn shows none for the deletion of a file. */
function progressOf({ image: name }: Subject, map: DiskMapView): number | undefined {
  const image = name === undefined ? undefined : map.image(name)
  if (!image) return undefined
  const { diskFileStatusMap } = image.status
  const made = copiesOf(image).flatMap((copy) => {
    if (copy.state === 'ready' || !isReadySoon(copy)) return []
    return diskFileStatusMap.get(copy.diskUUID)?.progress ?? []
  })
  return made.length > 0 ? Math.min(100, Math.max(0, ...made)) : undefined
}

function cleanSubject({ node, disk, diskUUID, image }: Subject): Subject {
  return {
    ...(node !== undefined && { node: name(node) }),
    ...(disk !== undefined && { disk: name(disk) }),
    ...(diskUUID !== undefined && { diskUUID: name(diskUUID) }),
    ...(image !== undefined && { image: name(image) }),
  }
}

function name(given: string): string {
  return cut(plainLine(given), longestName)
}
