import { defaultReviewOptions, type ReviewAnswer, Reviewer } from '../../doors/webhook/reviewer.ts'
import { defaultGateOptions, Gate } from '../../gate/gate.ts'
import { ChangeBus } from '../../gate/change-bus.ts'
import { InProcessBook } from '../../gate/reservation-book.ts'
import type { QuorumReads } from '../../gate/ports.ts'
import type { Verdict } from '../../gate/verdict.ts'
import { type Change, isArming } from '../../rules/change.ts'
import { enforcesAnything, type Policy } from '../../rules/policy.ts'
import type { Clock } from '../../time/clock.ts'
import type { ClusterState } from './cluster-state.ts'

/** The guard's answer. */
export type CheckAnswer = ReviewAnswer['response']

/**
 * Answers reviews as the webhook would at the moment of a state. It uses the same reviewer and the same gate,
 * on a cluster that does not change: no request waits, nothing is written, and nothing is reserved.
 */
export class Checker {
  readonly #reviewer: Reviewer

  /** @param judged called with the change of each readable review and the verdict on it */
  constructor(
    state: ClusterState,
    policy: Policy,
    judged: (change: Change, verdict: Verdict) => void = () => undefined,
  ) {
    // A snapshot from last week is judged with the ages of last week.
    const now = state.at
    const clock: Clock = { now: () => now, monotonic: () => now, setTimer: () => () => undefined }
    const gate = new Gate(
      { ...defaultGateOptions, policy, replica: 'check', process: 'check' },
      {
        map: state.map,
        freshness: { synced: true, ageMs: () => 0, seenUpTo: () => undefined, unreadable: state.unreadable },
        reads: readsOf(state),
        book: new InProcessBook(),
        changes: new ChangeBus(),
        clock,
        listeners: [],
        onProblem: () => undefined,
      },
    )
    this.#reviewer = new Reviewer(
      {
        ...defaultReviewOptions,
        longhornNamespace: policy.longhornNamespace,
        enforces: enforcesAnything(policy),
      },
      {
        decide: async (change, { signal }) => {
          const request = { ...change.request, door: 'check', dryRun: true } as const
          const outcome = await gate.decide({ ...change, request }, { budgetMs: 0, signal })
          judged(change, outcome.verdict)
          return outcome
        },
        isArming,
        denied: () => undefined,
        log: { error: () => undefined, warn: () => undefined, info: () => undefined },
        timers: clock,
      },
    )
  }

  /** Answers one review, or says why it is unreadable. */
  async check(review: unknown): Promise<CheckAnswer | { readonly problem: string }> {
    const answered = await this.#reviewer.review(review, undefined, () => new AbortController().signal)
    return answered.ok ? answered.value.response : { problem: answered.problem }
  }
}

/** Reads from the state instead of the API server. */
function readsOf({ map, objects }: ClusterState): QuorumReads {
  const all = [...objects]
  return {
    images: () => Promise.resolve(all.flatMap((object) => (object.kind === 'BackingImage' ? [object] : []))),
    dataSources: () =>
      Promise.resolve(all.flatMap((object) => (object.kind === 'BackingImageDataSource' ? [object] : []))),
    nodes: () => Promise.resolve([...map.nodes()]),
    node: (name) => Promise.resolve(map.node(name)),
    dataSource: (name) => Promise.resolve(map.dataSource(name)),
    replicas: () => Promise.resolve(all.flatMap((object) => (object.kind === 'Replica' ? [object] : []))),
    metadata: (kind, name) =>
      Promise.resolve(all.find((object) => object.kind === kind && object.metadata.name === name)?.metadata),
  }
}
