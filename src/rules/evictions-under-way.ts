import type { DiskMapView, PendingCleanup } from '../disk-map/disk-map-view.ts'
import type { BackingImage } from '../longhorn/backing-image.ts'
import { copiesOf, isReadySoon } from '../longhorn/copies.ts'
import { diskUUID, isFlagged, type Node } from '../longhorn/node.ts'
import type { Eviction } from './change.ts'
import { evictedAfter, evictedCopies, nodesAfter, oncePerImage } from './copies-left.ts'
import { insteadOfEviction, onlyItsManager, whyDown } from './lost.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'
import { asSentence, lookAtImage, lookAtNode } from './sentences.ts'

/**
 * An eviction that never finishes and reports nothing. Either no other disk can take the copy (longhorn.md
 * §4), or the manager of the node is down, and no other process marks its copies (Longhorn
 * controller/node_controller.go, syncNode).
 */
export const noEvictionTarget: Rule = {
  name: 'no-eviction-target',
  effects: { A: 'warn', B: 'warn', C: 'warn', none: 'off' },

  *eviction(eviction, circumstances) {
    yield* nobodyThere(eviction, circumstances)
    const obstacle = oncePerImage(obstacles(eviction, circumstances))
    for (const { image, diskUUID, node, disk } of evictedCopies(eviction, circumstances.map)) {
      if (!image.spec.diskFileSpecMap.has(diskUUID)) continue
      const why = obstacle(image)
      if (why === undefined) continue
      const { name } = image.metadata
      yield {
        subjects: [{ node, disk, diskUUID, image: name }],
        found: `the copy of backing image ${name} on ${disk} has nowhere to go`,
        why: `${asSentence(why)} The eviction does not finish.`,
        next: `Give ${name} a disk that can take a copy.`,
        look: lookAtImage(name, circumstances),
      }
    }
  },
}

function* nobodyThere({ node, evicting }: Eviction, circumstances: Circumstances): Iterable<Draft<'warn'>> {
  const why = evicting.length > 0 ? whyDown(node, circumstances) : undefined
  if (why === undefined) return
  yield {
    subjects: [{ node: node.metadata.name }],
    found: `the eviction does nothing, since ${why}`,
    why: onlyItsManager,
    next: insteadOfEviction(node, circumstances),
    look: lookAtNode(node.metadata.name, circumstances),
  }
}

/** Gives the reason why Longhorn would make no copy of an image elsewhere; undefined if it can, or has one. */
function obstacles(eviction: Eviction, { map }: Circumstances): (image: BackingImage) => string | undefined {
  const isEvicted = evictedAfter(eviction, map)
  const canTake = takers(() => nodesAfter(eviction, map))
  return (image) => {
    // One healthy copy elsewhere is enough for the eviction to end, and one in the making will be.
    const isElsewhere = copiesOf(image).some((copy) => isReadySoon(copy) && !isEvicted(copy.diskUUID))
    if (isElsewhere) return undefined
    if (map.replenishLimit === 0) {
      return 'setting concurrent-backing-image-replenish-per-node-limit is 0, so Longhorn makes no copies'
    }
    return canTake(image)
      ? undefined
      : 'no other disk can take a copy (ready, schedulable, of the right type and tags, without a copy already)'
  }
}

/**
 * A predicate: true for an image if Longhorn may put a new copy of it on a disk of these nodes: one that fits
 * and has none. It walks the nodes once for all images with the same needs.
 */
function takers(nodes: () => Iterable<Node>): (image: BackingImage) => boolean {
  const fitting = new Map<string, ReadonlySet<string>>()
  return (image) => {
    const { dataEngine, nodeSelector, diskSelector, diskFileSpecMap } = image.spec
    const asked = JSON.stringify([dataEngine, nodeSelector, diskSelector])
    let fit = fitting.get(asked)
    if (!fit) fitting.set(asked, (fit = allThatFit(nodes(), image)))
    for (const uuid of fit) if (!diskFileSpecMap.has(uuid)) return true
    return false
  }
}

function allThatFit(nodes: Iterable<Node>, image: BackingImage): ReadonlySet<string> {
  const uuids = new Set<string>()
  for (const node of nodes) for (const uuid of disksThatFit(node, image)) uuids.add(uuid)
  return uuids
}

/**
 * The UUIDs of the disks of a node that fit an image, with a copy of it or without: ready, schedulable, of the right
 * type and tags (longhorn.md §4, no-eviction-target).
 */
export function* disksThatFit({ spec, status }: Node, image: BackingImage): Iterable<string> {
  if (!spec.allowScheduling || !status.ready || !status.schedulable || spec.evictionRequested) return
  if (!includesAll(spec.tags, image.spec.nodeSelector)) return
  const wantedType = image.spec.dataEngine === 'v2' ? 'block' : 'filesystem'
  for (const [name, disk] of spec.disks) {
    const state = status.diskStatus.get(name)
    if (!state?.ready || !state.schedulable || state.diskUUID === undefined) continue
    if (!disk.allowScheduling || disk.evictionRequested) continue
    // Older objects have no type: there were only file systems then.
    if ((disk.diskType === '' ? 'filesystem' : disk.diskType) !== wantedType) continue
    if (includesAll(disk.tags, image.spec.diskSelector)) yield state.diskUUID
  }
}

function includesAll(tags: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length === 0) return true
  const had = new Set(tags)
  return wanted.every((tag) => had.has(tag))
}

/**
 * The last flag of a node cleared while copies are marked for eviction. The marks stay, in every release, and
 * Longhorn still evicts the copies later, although the UI says cancelled (longhorn.md §4).
 */
export const lingeringEviction: Rule = {
  name: 'lingering-eviction',
  effects: { A: 'warn', B: 'warn', C: 'warn', none: 'off' },

  *'flags-cleared'({ node }, circumstances) {
    const { name } = node.metadata
    const seen = new Set<string>()
    for (const disk of node.spec.disks.keys()) {
      const uuid = diskUUID(node, disk)
      if (uuid === undefined || seen.has(uuid)) continue
      seen.add(uuid)
      for (const image of circumstances.map.imagesOn(uuid)) {
        if (image.metadata.terminating || !image.spec.diskFileSpecMap.get(uuid)?.evictionRequested) continue
        yield {
          subjects: [{ node: name, disk, diskUUID: uuid, image: image.metadata.name }],
          found: `backing image ${image.metadata.name} stays marked for eviction on ${disk}`,
          why: 'Longhorn still moves the copy away.',
          next: 'To keep the copy, set evictionRequested to false in its entry of spec.diskFileSpecMap.',
          look: lookAtImage(image.metadata.name, circumstances),
        }
      }
    }
  },
}

/**
 * Evictions in batches: a node whose first flag goes up waits until fewer others are flagged, and fewer
 * clean-ups are pending. Nothing breaks beyond the budget, so two concurrent requests may exceed it.
 */
export const evictionBudget: Rule = {
  name: 'eviction-budget',
  effects: { A: 'hold', B: 'hold', C: 'hold', none: 'hold' },

  *eviction({ node, raisesFirstFlag }, { map, policy }) {
    if (!raisesFirstFlag) return
    const { flaggedNodes, pendingCleanups } = policy.evictionBudget
    if (flaggedNodes !== undefined) yield* tooManyNodes(node.metadata.name, { map, policy }, flaggedNodes)
    if (pendingCleanups !== undefined) yield* tooManyCleanups(map, pendingCleanups)
  },
}

function* tooManyNodes(
  name: string,
  { map, policy }: Pick<Circumstances, 'map' | 'policy'>,
  most: number,
): Generator<Draft> {
  const flagged: string[] = []
  for (const node of map.nodes()) {
    if (node.metadata.name !== name && isFlagged(node)) flagged.push(node.metadata.name)
  }
  if (flagged.length < most) return
  yield {
    subjects: flagged.map((node) => ({ node })),
    found: `an eviction is requested on ${enumerate(flagged)} already, and the budget is ${most} at a time`,
    why: 'The budget (maxFlaggedNodes) says how many nodes may be evicted at a time.',
    next: 'The eviction is allowed once fewer of these nodes have an eviction flag.',
    look: [`kubectl -n ${policy.longhornNamespace} get nodes.longhorn.io -o yaml | grep evictionRequested`],
  }
}

function* tooManyCleanups(map: DiskMapView, most: number): Generator<Draft> {
  const pending: PendingCleanup[] = []
  for (const cleanup of map.pendingCleanups()) pending.push(cleanup)
  if (pending.length < most) return
  const images = [...new Set(pending.map(({ image }) => image))]
  yield {
    subjects: pending.map(({ image, diskUUID }) => ({ image, diskUUID })),
    found: `${pending.length} clean-ups are pending, of ${enumerate(images)}, and the budget is ${most} at a time`,
    why: 'The budget (maxPendingCleanups) says beside how many clean-ups a node may be evicted.',
    next: 'The eviction is allowed once enough of these clean-ups are done.',
    look: ['holdfast status'],
  }
}

/** Ten names are enough to start with. */
function enumerate(names: readonly string[]): string {
  const listed = names.slice(0, 10).join(', ')
  return names.length > 10 ? `${listed} and ${names.length - 10} more` : listed
}
