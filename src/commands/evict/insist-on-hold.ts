import type { Node } from '../../longhorn/node.ts'
import { type ProofModules, provesHold } from '../doctor/prove-guard.ts'
import { CannotRun } from '../surroundings.ts'
import { targetName } from './next-step.ts'
import { evictedBeside, findTarget, type Target } from './remains.ts'

/** True if the flag that an eviction of this target raises is up. */
export function isOwnFlagUp({ disk }: Target, { spec }: Node): boolean {
  return disk === undefined ? spec.evictionRequested : spec.disks.get(disk)?.evictionRequested === true
}
/**
 * If the replicas could not be asked, a dry run proves the hold while the flag of a target is up.
 *
 * @param lower clears that flag; resolves once the disk map shows it
 * @throws CannotRun after clearing the flag, if the removal of a copy would not be held
 */
export async function insistOnHold(
  target: Target,
  proof: ProofModules,
  lower: () => Promise<void>,
): Promise<void> {
  const held = await provesHold(target, proof)
  if (held === undefined) {
    proof.note(
      `No dry run can prove that the guard holds back the removal of copies from ${targetName(target)}. The eviction goes on.`,
    )
  }
  if (held !== false) return
  await lower()
  throw new CannotRun(
    `the guard would not hold back the removal of a copy while the flag of ${targetName(target)} is up, which crashes the manager: a dry run of one was not held by cleanup-during-eviction. That flag is cleared again${besides(target, proof)}. To see why: holdfast doctor. To go on anyway: --unguarded`,
  )
}
function besides(target: Target, { map }: ProofModules): string {
  const found = findTarget(target, map)
  const beside = found ? evictedBeside(target, found) : []
  return beside.length > 0 ? `; an eviction is still requested on ${beside.join(' and ')}` : ''
}
