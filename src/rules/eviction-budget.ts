import type { DiskMapView, PendingCleanup } from '../disk-map/disk-map-view.ts'
import { isFlagged } from '../longhorn/node.ts'
import type { Circumstances, Draft, Rule } from './rule.ts'

/**
 * Evictions in batches: a node whose first flag goes up waits until fewer others are flagged, and fewer
 * clean-ups are pending. Nothing breaks beyond the budget, so two concurrent requests may exceed it.
 */
export const evictionBudget: Rule = {
  name: 'eviction-budget',
  effects: { A: 'hold', B: 'hold', C: 'hold', none: 'hold' },

  *eviction({ node, raisesGate }, { map, policy }) {
    if (!raisesGate) return
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
  const told = names.slice(0, 10).join(', ')
  return names.length > 10 ? `${told} and ${names.length - 10} more` : told
}
