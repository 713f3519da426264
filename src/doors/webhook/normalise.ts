import { fieldOf, type Parsed } from '../../json/schema.ts'
import { group, kinds, type ObjectOf } from '../../longhorn/kinds.ts'
import type { DiskSpec, Node } from '../../longhorn/node.ts'
import type { Change, JudgedKind, Request, Step } from '../../rules/change.ts'
import { shortened } from '../../text/plain-text.ts'
import type { AdmissionRequest } from './admission-review.ts'
import { looksArming } from './looks-arming.ts'

/**
 * A write to a judged kind with an unreadable object. The objects are not kept: they can have megabytes, and
 * a denial may wait for its record.
 */
export interface UnreadableWrite {
  readonly kind: JudgedKind
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  /** Which field is wrong and how. */
  readonly problem: string
  /** How it could raise danger, as {@link looksArming} says; undefined if it could not. */
  readonly arming: string | undefined
}

/** The result of reading a review. */
export type Normalised =
  | { readonly outcome: 'change'; readonly change: Change }
  | { readonly outcome: 'unreadable'; readonly write: UnreadableWrite }
  /** A write that is not judged here; `what` names the resource and operation. */
  | { readonly outcome: 'not-judged'; readonly what: string }
  /** The review contradicts itself. */
  | { readonly outcome: 'malformed'; readonly problem: string }

/** The judged kinds, by the resource in a review. */
const judged: ReadonlyMap<string, JudgedKind> = new Map(
  (['Node', 'BackingImage', 'BackingImageDataSource'] as const).map((kind) => [kinds[kind].plural, kind]),
)

/**
 * Turns a review into a change. It goes by group and resource, whatever the version: with `matchPolicy:
 * Equivalent` older versions arrive converted (kubernetes.md, The request).
 *
 * @param length of the text of the review, in characters
 */
export function normalise(request: AdmissionRequest, length = Infinity): Normalised {
  const { resource, subResource, operation } = request
  const kind = resource.group === group ? judged.get(resource.resource) : undefined
  // `/status` never changes spec, and refusing it would block the clean-up itself (longhorn.md §3).
  if (kind === undefined || subResource !== '' || !isWrite(operation)) {
    const path = subResource === '' ? resource.resource : `${resource.resource}/${subResource}`
    return { outcome: 'not-judged', what: `${operation} of ${path}.${resource.group || 'core'}` }
  }
  const before = operation === 'CREATE' ? undefined : request.oldObject
  const after = operation === 'DELETE' ? undefined : request.object
  const missing =
    (operation !== 'CREATE' && before === undefined && 'oldObject') ||
    (operation !== 'DELETE' && after === undefined && 'object')
  if (missing) {
    return { outcome: 'malformed', problem: `The review of ${operation} of a ${kind} has no ${missing}` }
  }
  const step = { operation, before, after, mayBeCrowded: length > leastCharacters * mostEntries }
  const change = readChange(kind, step, {
    uid: request.uid,
    actor: request.user,
    dryRun: request.dryRun,
    door: 'webhook',
  })
  if (change.ok) return { outcome: 'change', change: change.value }
  const isCrowded = crowding({ metadata: fieldOf(before ?? after, 'metadata') }, kind) !== undefined
  const arming = looksArming({ kind, operation, before, after, actor: request.user, isCrowded })
  return { outcome: 'unreadable', write: { kind, operation, problem: change.problem, arming } }
}

type Write = UnreadableWrite['operation']

function isWrite(operation: string): operation is Write {
  return operation === 'CREATE' || operation === 'UPDATE' || operation === 'DELETE'
}

function readChange(kind: JudgedKind, raw: RawStep, request: Request): Parsed<Change> {
  switch (kind) {
    case 'Node': {
      const step = readStep<'Node'>(kind, kinds.Node.parse, raw)
      if (!step.ok) return step
      if (step.value.operation !== 'CREATE') return { ok: true, value: { kind, request, ...step.value } }
      return { ok: true, value: { kind, request, operation: 'CREATE', after: asCreated(step.value.after) } }
    }
    case 'BackingImage': {
      const step = readStep<'BackingImage'>(kind, kinds.BackingImage.parse, raw)
      return step.ok ? { ok: true, value: { kind, request, ...step.value } } : step
    }
    case 'BackingImageDataSource': {
      const { parse } = kinds.BackingImageDataSource
      const step = readStep<'BackingImageDataSource'>(kind, parse, raw)
      return step.ok ? { ok: true, value: { kind, request, ...step.value } } : step
    }
  }
}

/** A write as it came. */
interface RawStep {
  readonly operation: Write
  readonly before: unknown
  readonly after: unknown
  /** False if the text is too short for {@link mostEntries}. */
  readonly mayBeCrowded: boolean
}

function readStep<K extends JudgedKind>(
  kind: K,
  parse: (raw: unknown) => Parsed<ObjectOf<K>>,
  { operation, before: rawBefore, after: rawAfter, mayBeCrowded }: RawStep,
): Parsed<Step<ObjectOf<K>>> {
  const read = (raw: unknown): Parsed<ObjectOf<K>> => {
    const problem = mayBeCrowded ? crowding(raw, kind) : undefined
    return problem === undefined ? parse(raw) : { ok: false, problem }
  }
  if (operation === 'CREATE') {
    const after = read(rawAfter)
    return after.ok ? { ok: true, value: { operation, after: after.value } } : after
  }
  const before = read(rawBefore)
  if (!before.ok) return { ok: false, problem: `in the stored object, ${before.problem}` }
  if (operation === 'DELETE') return { ok: true, value: { operation, before: before.value } }
  const after = read(rawAfter)
  return after.ok ? { ok: true, value: { operation, before: before.value, after: after.value } } : after
}

/** Longhorn's nodes have a few disks and tags; this is how many of a created node are read. */
const most = 64

/**
 * The relevant parts of a created node. No stored object proves such a review, and a body of megabytes takes
 * many times as much once it is read.
 *
 * - The API server removes the status before it asks (longhorn.md §2). A forged review could name the disks
 *   of other nodes there, and block those.
 * - So no disk has a UUID yet, and all evicted ones are alike: any of them reserves the same as all of them.
 */
function asCreated(node: Node): Node {
  const { metadata, spec } = node
  const disks = [...spec.disks]
  const flagged = disks.filter(([, { evictionRequested }]) => evictionRequested)
  const others = disks.filter(([, { evictionRequested }]) => !evictionRequested)
  const kept = [...flagged.slice(0, most), ...others].slice(0, most)
  return {
    kind: 'Node',
    metadata,
    spec: {
      ...spec,
      tags: someOf(spec.tags),
      disks: new Map(kept.map(([name, disk]) => [shortened(name), diskAsCreated(disk)])),
    },
    status: { ready: false, notReady: undefined, schedulable: false, diskStatus: new Map() },
  }
}

function diskAsCreated(disk: DiskSpec): DiskSpec {
  return {
    ...disk,
    path: shortened(disk.path),
    diskType: shortened(disk.diskType),
    tags: someOf(disk.tags),
  }
}

function someOf(tags: readonly string[]): string[] {
  return tags.slice(0, most).map((tag) => shortened(tag))
}

/**
 * The maximum of disks of a node, or copies of an image, that are judged: twice as many as 500 nodes with ten
 * disks have together. Reading and judging them takes 50 ms, in which no other request is answered.
 */
export const mostEntries = 10_000

/** An entry has at least so many: `"a":1,`. */
const leastCharacters = 6

type MapIn = readonly [part: string, map: string]

/** For every kind. */
const annotations: MapIn = ['metadata', 'annotations']

/** The maps of each kind that are read entry by entry. */
const readMaps: Readonly<Record<JudgedKind, readonly MapIn[]>> = {
  Node: [annotations, ['spec', 'disks'], ['status', 'diskStatus']],
  BackingImage: [
    annotations,
    ['spec', 'diskFileSpecMap'],
    ['spec', 'disks'],
    ['spec', 'sourceParameters'],
    ['status', 'diskFileStatusMap'],
    ['status', 'diskLastRefAtMap'],
  ],
  BackingImageDataSource: [annotations],
}

/**
 * The part of an object that exceeds the limit; undefined if it has none. The sender of a review chooses the
 * number of entries, and each costs a microsecond.
 */
function crowding(raw: unknown, kind: JudgedKind): string | undefined {
  for (const [part, map] of readMaps[kind]) {
    const entries = fieldOf(fieldOf(raw, part), map)
    const count = typeof entries === 'object' && entries !== null ? entriesOf(entries) : 0
    if (count > mostEntries)
      return `${part}.${map} has ${count} entries, and the guard reads ${mostEntries} at most`
  }
  return undefined
}

/**
 * The number of entries of maps, cached. Counting a large one takes as long as reading it, and each may be
 * asked for again.
 */
const counts = new WeakMap<object, number>()

function entriesOf(map: object): number {
  const known = counts.get(map)
  if (known !== undefined) return known
  const count = Object.keys(map).length
  // A small one is counted as soon as it is cached.
  if (count > mostEntries) counts.set(map, count)
  return count
}
