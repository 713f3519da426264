import { isFlagged } from '../longhorn/node.ts'
import { isArming } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'

/**
 * True for a write after which no eviction is requested on its node, and that takes no disk away: the cure, which has to
 * pass even where the node cannot be read as it is now (longhorn.md §2).
 *
 * @param change on what was last known of the node
 */
export function isCure(change: Change): boolean {
  return (
    change.kind === 'Node' && change.operation === 'UPDATE' && !isFlagged(change.after) && !isArming(change)
  )
}
