import { at, textAt } from '../../json.ts'
import type { AdmissionRequest } from './admission-request.ts'

/** The `matchConditions` of a webhook, as far as they are understood here. */
export interface MatchConditions {
  /** False for a request that the webhook is not asked about. */
  readonly hold: (request: AdmissionRequest) => boolean
  /** True when some of them are not understood: they count as true, so the webhook is asked more often, never less. */
  readonly areUnknown: boolean
}

type Condition = (request: AdmissionRequest) => boolean

/** Reads conditions of two forms, which keep a registration out of the way of what is being deleted. All of CEL it is not. */
export function matchConditionsOf(raw: readonly unknown[]): MatchConditions {
  const conditions = raw.map((each) => conditionOf(textAt(each, 'expression')))
  const known = conditions.filter((condition) => condition !== undefined)
  return {
    hold: (request) => known.every((condition) => condition(request)),
    areUnknown: known.length < conditions.length,
  }
}

const byOthers = /^request\.operation != '([A-Z]+)' \|\| !\(request\.userInfo\.username in \[([^\]]*)\]\)$/

function conditionOf(expression: string): Condition | undefined {
  const text = expression.replaceAll(/\s+/g, ' ').trim()
  if (text === 'oldObject == null || !has(oldObject.metadata.deletionTimestamp)') {
    return ({ oldObject }) => at(oldObject, 'metadata', 'deletionTimestamp') === undefined
  }
  const [, operation, list = ''] = byOthers.exec(text) ?? []
  if (operation === undefined) return undefined
  const names = new Set([...list.matchAll(/'([^']*)'/g)].map(([, name]) => name))
  return (request) => request.operation !== operation || !names.has(request.user.username)
}
