import { type Batches, type EvictModules, type EvictWays, EvictionRun } from './eviction.ts'
import type { BatchStep } from './next-batch.ts'
import type { EvictionStep } from './next-step.ts'
import type { Target } from './remains.ts'

/**
 * Empties a node or a disk, or, as a dry run, shows the next step.
 *
 * @returns the last step
 * @throws the error that ended it
 */
export async function carryOut(
  target: Target,
  ways: EvictWays,
  modules: EvictModules,
): Promise<EvictionStep> {
  const eviction = new EvictionRun(ways, modules)
  eviction.begin()
  if (!ways.dryRun) {
    await eviction.prove()
    return await eviction.evict([target])
  }
  const step = eviction.wouldDo(target)
  if (step.step !== 'done' && step.step !== 'impossible') {
    modules.note('Next steps:')
    for (const [at, text] of eviction.outline(target, step).entries()) modules.note(`  ${at + 1}. ${text}`)
  }
  modules.note(nothingWritten)
  return step
}

/**
 * Empties several nodes in safe batches, or, as a dry run, shows the first. Each batch is judged again before it begins.
 *
 * @returns the last step, of all or of the node that stands in the way
 * @throws the error that ended it
 */
export async function carryOutBatches(
  nodes: readonly string[],
  batches: Batches,
  ways: EvictWays,
  modules: EvictModules,
): Promise<EvictionStep> {
  const { note } = modules
  const eviction = new EvictionRun(ways, modules, true)
  eviction.begin()
  if (ways.dryRun) {
    const first = eviction.nextBatch(nodes, batches)
    noteBatch(first, note, 'would')
    const steps = nodes.map((node) => eviction.wouldDo(targetOf(node)))
    note(nothingWritten)
    return first.step === 'impossible' ? first : (steps.at(-1) ?? { step: 'done' })
  }
  await eviction.prove()
  for (;;) {
    const next = eviction.nextBatch(nodes, batches)
    noteBatch(next, note)
    switch (next.step) {
      case 'done':
      case 'impossible':
        return next
      case 'close':
        await eviction.close(next.nodes)
        break
      case 'evict': {
        const last = await eviction.evict(next.nodes.map(targetOf))
        if (last.step !== 'done') return last
      }
    }
  }
}

const nothingWritten = 'Nothing was written: this is a dry run.'

function targetOf(node: string): Target {
  return { node, disk: undefined }
}

function noteBatch(next: BatchStep, note: (text: string) => void, wording: 'does' | 'would' = 'does'): void {
  switch (next.step) {
    case 'done':
      return
    case 'impossible':
      for (const problem of next.problems) note(problem)
      return
    case 'close': {
      const closes = wording === 'does' ? 'closing' : 'would close'
      note(`${closes} for scheduling first, so that nothing moves twice: ${next.nodes.join(', ')}`)
      return
    }
    case 'evict': {
      const later = next.later.length > 0 ? `, and later ${next.later.join(', ')}` : ''
      note(`batch: ${next.nodes.join(', ')}${later}`)
    }
  }
}
