import type { PendingOnNode } from '../../disk-map/disk-map-view.ts'
import { overrideIgnored } from '../../gate/answer.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import {
  type PatchAttempt,
  attemptOutcome,
  conflictPauseMs,
  isAnswerLost,
  patchNodeAsSeen,
} from '../../kubernetes/node-patch.ts'
import type { ApiReads } from '../../kubernetes/quorum-reads.ts'
import { overrideAnnotation } from '../../longhorn/metadata.ts'
import type { Node } from '../../longhorn/node.ts'
import { clearPatch, forgetPatch, type NodePatch, notePatch, raisePatch } from '../../rules/rescue/flags.ts'
import { timestamp, within } from '../../time/clock.ts'
import type { GuardWrite, WriteResult } from './tend-node.ts'

/** What a guard's rescue writes with. */
interface NodeWriteModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly reads: Pick<ApiReads, 'object'>
  readonly signal: AbortSignal
  /** The user that the API server takes the guard for. */
  readonly by: () => string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told of each failure. */
  readonly onProblem: (error: unknown) => void
}

/** Longer than the API server waits for a webhook, in milliseconds. */
const answerMs = 35_000
/** The cure does not wait for a second look. */
const lookMs = 2_000
/** So many are looked at again; if none of them is real, the disk map is behind. */
const mostLooks = 5
/** After a failure that no further attempt mends by itself, such as a missing right, in milliseconds. */
const uselessMs = 60_000

/** The writes of a guard's rescue. */
export class NodeWrites {
  readonly #modules: NodeWriteModules

  constructor(modules: NodeWriteModules) {
    this.#modules = modules
  }

  /** True if at least one of these clean-ups is pending now, or if the API server does not say. */
  async isReal(cleanups: readonly PendingOnNode[]): Promise<boolean> {
    const { reads, signal } = this.#modules
    const soon = within(lookMs, signal)
    const looks = cleanups.slice(0, mostLooks).map(async ({ image, diskUUID }) => {
      try {
        const found = await reads.object('BackingImage', image, soon)
        if (found === undefined) return false
        return found.status.diskFileStatusMap.has(diskUUID) && !found.spec.diskFileSpecMap.has(diskUUID)
      } catch {
        // Without an answer the danger counts: to clear flags harms nothing.
        return true
      }
    })
    return (await Promise.all(looks)).includes(true)
  }

  /** Writes the node as it was looked at. @param shown resolves once the disk map shows this version of the node */
  async write(
    node: Node,
    step: GuardWrite,
    shown: (resourceVersion: string) => Promise<void>,
  ): Promise<WriteResult> {
    const { signal, onProblem } = this.#modules
    let isSent = false
    try {
      if (step.step === 'raise') {
        const why = await this.#whyNotJudged(node, step)
        if (why !== undefined) return { outcome: 'failed', why, ms: 0 }
      }
      isSent = true
      const { resourceVersion } = await this.#patch(node, this.#patchOf(node, step))
      await shown(resourceVersion)
      return { outcome: 'written' }
    } catch (error) {
      if (signal.aborted) return { outcome: 'conflict' }
      const why = error instanceof Error ? error.message : String(error)
      const attempt = attemptOutcome(error, step.step !== 'raise')
      if (attempt?.outcome === 'later' && attempt.ms === conflictPauseMs) return { outcome: 'conflict' }
      onProblem(error)
      return {
        ...{ outcome: 'failed', why, ms: msUntil(attempt) },
        ...(isSent && isAnswerLost(error) && { mayBeWritten: true }),
      }
    }
  }

  /**
   * Flags go up only if a guard judges that. A dry run proves it: it asks for an override without a reason, and a guard that
   * admits the rest says that it ignores this.
   *
   * @returns undefined if one does
   * @throws what the API server says against the flags
   */
  async #whyNotJudged(
    node: Node,
    { flags }: Extract<GuardWrite, { step: 'raise' }>,
  ): Promise<string | undefined> {
    const patch = raisePatch(flags)
    const annotations = { ...patch.metadata.annotations, [overrideAnnotation]: '' }
    const { warnings } = await this.#patch(node, { ...patch, metadata: { annotations } }, true)
    if (warnings.includes(overrideIgnored)) return undefined
    return 'no guard judges the write: the API server admitted a dry run of it without asking one. To see why: holdfast doctor'
  }

  #patchOf(node: Node, step: GuardWrite): NodePatch {
    const { by, now } = this.#modules
    const note = node.rescue?.ok === true ? node.rescue.value : undefined
    switch (step.step) {
      case 'clear': {
        const { flags, guard } = step
        return clearPatch(node, {
          ...flags,
          at: timestamp(now()),
          // What a person has noted stays a person's.
          by: note && !guard ? note.by : by(),
          ...(guard && { guard }),
        })
      }
      case 'strike': {
        const guard = { generation: node.metadata.generation }
        return notePatch({ ...step.left, at: note?.at ?? '', by: note?.by ?? '', guard })
      }
      case 'hand-over':
        return notePatch({ ...step.flags, at: note?.at ?? '', by: note?.by ?? '' })
      case 'raise':
        return raisePatch(step.flags)
      case 'forget':
        return forgetPatch
    }
  }

  async #patch(node: Node, patch: NodePatch, dryRun = false) {
    const { connection, longhornNamespace, signal } = this.#modules
    return await patchNodeAsSeen(node, patch, {
      connection,
      longhornNamespace,
      signal: within(answerMs, signal),
      dryRun,
    })
  }
}

/** What a webhook refuses now it may admit later, and the back-off grows. */
function msUntil(attempt: PatchAttempt | undefined): number {
  if (attempt === undefined) return uselessMs
  return attempt.outcome === 'later' ? attempt.ms : 0
}
