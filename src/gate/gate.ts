import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isArming } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'
import { judge } from '../rules/judge.ts'
import type { Policy } from '../rules/policy.ts'
import { answerTo } from './answer.ts'
import type { Decision } from './decision.ts'
import type { Audit, Clock, Knowledge } from './ports.ts'
import { verdictOn, type Unavailability, type Verdict } from './verdict.ts'

/** What the operator decides about the gate. */
export interface GateOptions {
  readonly policy: Policy
  /** How old the disk map may be to admit an arming change, in milliseconds. The API server sends a sign of life
   * every minute, so twice that means that something is wrong. */
  readonly maxAgeMs: number
  /** What a held request is told to wait before it comes again, in seconds. */
  readonly retryAfterSeconds: number
}

/** The limits without configuration. */
export const defaultGateOptions: Omit<GateOptions, 'policy'> = { maxAgeMs: 120_000, retryAfterSeconds: 2 }

/** What the gate works with. */
export interface GateModules {
  readonly map: DiskMapView
  readonly knowledge: Knowledge
  readonly clock: Clock
  readonly audit: Audit
}

/** Where every requested write is decided, whatever door it comes through. */
export class Gate {
  readonly #options: GateOptions
  readonly #modules: GateModules

  constructor(options: GateOptions, modules: GateModules) {
    this.#options = options
    this.#modules = modules
  }

  /** Decides one change and puts it on record. Never throws for a change that its door could make. */
  decide(change: Change): Promise<Decision> {
    const { clock, audit } = this.#modules
    const { policy, retryAfterSeconds } = this.#options
    const beginning = clock.now()
    const verdict = this.#judge(change, beginning)
    const { longhornNamespace } = policy
    const answer = answerTo(change, verdict, { longhornNamespace, retryAfterSeconds })
    audit.decided(change, verdict, clock.now() - beginning)
    return Promise.resolve({ verdict, answer })
  }

  #judge(change: Change, now: number): Verdict {
    const { map, knowledge } = this.#modules
    const arming = isArming(change)
    // A half-read map could refuse wrongly as well as allow wrongly.
    if (arming && !knowledge.synced) {
      return { decision: 'unavailable', why: 'disk-map-not-synced', warnings: [] }
    }
    const verdict = verdictOn(judge(change, map, this.#options.policy, now))
    if (!arming || verdict.decision !== 'allow') return verdict
    const why = this.#doubt()
    return why === undefined ? verdict : { decision: 'unavailable', why, warnings: verdict.warnings }
  }

  /** Why the map cannot vouch for what it would allow. What it objects to is at worst too careful. */
  #doubt(): Unavailability | undefined {
    const { knowledge } = this.#modules
    if (knowledge.unreadable.length > 0) return 'disk-map-incomplete'
    return knowledge.ageMs() > this.#options.maxAgeMs ? 'disk-map-too-old' : undefined
  }
}
