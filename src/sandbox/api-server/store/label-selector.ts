import { at, isJsonObject, type JsonObject, listAt, shown, textAt } from '../../json.ts'

/** True if the selector matches these labels. */
export type LabelSelector = (labels: JsonObject) => boolean

/** One clause of a `labelSelector` parameter, `key`, `!key`, `key=value`, `key in (a,b)`, … */
const clausePattern =
  /^(?:(?<absent>!)\s*)?(?<key>[\w./-]+)(?:\s*(?<equal>==|=|!=)\s*(?<value>[\w.-]*)|\s+(?<set>in|notin)\s*\((?<values>[^()]*)\))?$/

/**
 * Reads a `labelSelector` parameter.
 *
 * @returns undefined for an unreadable one
 */
export function parseLabelSelector(selector: string): LabelSelector | undefined {
  const clauses: LabelSelector[] = []
  // Commas also separate the values of a set.
  for (const clause of selector.split(/,(?![^(]*\))/)) {
    if (clause.trim() === '') continue
    const parsed = parseClause(clause.trim())
    if (!parsed) return undefined
    clauses.push(parsed)
  }
  return (labels) => clauses.every((holds) => holds(labels))
}

function parseClause(clause: string): LabelSelector | undefined {
  const groups = clausePattern.exec(clause)?.groups
  if (!groups) return undefined
  const { key = '', equal, value = '', set, values = '' } = groups
  const several = values.split(',').map((entry) => entry.trim())
  if (groups.absent) return equal === undefined && set === undefined ? not(exists(key)) : undefined
  if (equal !== undefined) return equal === '!=' ? not(isOneOf(key, [value])) : isOneOf(key, [value])
  if (set !== undefined) return set === 'in' ? isOneOf(key, several) : not(isOneOf(key, several))
  return exists(key)
}

/** Reads a `metav1.LabelSelector`, as webhooks have it. An empty or absent one matches everything. */
export function labelSelectorOf(selector: unknown): LabelSelector {
  const labels = Object.entries(at(selector, 'matchLabels') ?? {})
  const clauses = [
    ...labels.map(([key, value]) => isOneOf(key, [shown(value)])),
    ...listAt(selector, 'matchExpressions').filter(isJsonObject).map(expression),
  ]
  return (found) => clauses.every((holds) => holds(found))
}

/** The operators of a `metav1.LabelSelector`. */
export const labelOperators: readonly string[] = ['In', 'NotIn', 'Exists', 'DoesNotExist']

function expression(requirement: JsonObject): LabelSelector {
  const key = textAt(requirement, 'key')
  const values = listAt(requirement, 'values').map(shown)
  switch (textAt(requirement, 'operator')) {
    case 'In':
      return isOneOf(key, values)
    case 'NotIn':
      return not(isOneOf(key, values))
    case 'Exists':
      return exists(key)
    default:
      return not(exists(key))
  }
}

function exists(key: string): LabelSelector {
  return (labels) => Object.hasOwn(labels, key)
}

function isOneOf(key: string, values: readonly string[]): LabelSelector {
  return (labels) => exists(key)(labels) && values.includes(shown(labels[key]))
}

function not(selector: LabelSelector): LabelSelector {
  return (labels) => !selector(labels)
}
