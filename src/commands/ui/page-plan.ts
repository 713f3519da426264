import type { PlanEvictions } from '../../page/what-if.ts'
import { planEvictions } from '../evict/plan.ts'

/** What the page plans: as `holdfast plan` does without flags. */
export const pagePlan: PlanEvictions = (nodes, map) =>
  planEvictions(nodes, map, { reopen: false, batchSize: Infinity })
