import { chartConditions, sameExpression } from './chart-conditions.ts'
import type { SeenWebhook } from './facts.ts'

/** One operation of a JSON patch; its path begins at the webhook. */
export interface Undoing {
  readonly op: 'remove' | 'replace'
  readonly path: string
  readonly value?: unknown
}

/** A condition that keeps some writes from the guard, although its webhook's rules name them. */
interface Narrowing {
  readonly level: 'warn' | 'error'
  /** The end of a sentence that begins with the webhook. */
  readonly what: string
  readonly why: string
  /**
   * The patch that removes it. Undefined if an upgrade of the chart removes it; an upgrade leaves fields that
   * it has never set.
   */
  readonly undo?: readonly Undoing[]
}

/** The label that the API server gives each namespace. The caller has already judged selectors on it. */
const nameLabel = 'kubernetes.io/metadata.name'

/** Finds conditions that were added to a webhook, and the writes that they let past the guard. */
export function narrowings({
  objectSelector,
  namespaceSelector,
  matchConditions,
  matchPolicy,
}: SeenWebhook): Narrowing[] {
  const found: Narrowing[] = []
  if (keysOf(objectSelector).length > 0) {
    found.push({
      level: 'error',
      what: `has an objectSelector (${keysOf(objectSelector).join(', ')}).`,
      why: 'Objects without these labels are not sent, and Longhorn sets none of them.',
      undo: [{ op: 'remove', path: '/objectSelector' }],
    })
  }
  const labels = keysOf(namespaceSelector).filter((key) => key !== nameLabel)
  if (labels.length > 0) {
    found.push({
      level: 'warn',
      what: `selects namespaces by ${labels.join(', ')}.`,
      why: 'If the namespace of Longhorn lacks these labels, nothing is sent to the guard.',
      undo: [{ op: 'replace', path: '/namespaceSelector', value: byNameAlone(namespaceSelector) }],
    })
  }
  const added = [...(matchConditions ?? []).entries()].filter(([, { name }]) => !chartConditions.has(name))
  if (added.length > 0) {
    found.push({
      level: 'warn',
      what: `has matchConditions that the chart does not have: ${added.map(([, { name }]) => name).join(', ')}.`,
      why: 'Writes that do not meet them bypass the guard.',
      // From the last one, so that the indexes of the others stay valid.
      undo: added.map(([at]): Undoing => ({ op: 'remove', path: `/matchConditions/${at}` })).toReversed(),
    })
  }
  const changed = (matchConditions ?? []).flatMap(({ name, expression }) => {
    const wanted = chartConditions.get(name)
    return wanted === undefined || sameExpression(wanted, expression ?? '') ? [] : name
  })
  if (changed.length > 0) {
    found.push({
      level: 'warn',
      what: `has matchConditions that differ from the chart of this version: ${changed.join(', ')}.`,
      why: 'Writes that do not meet them bypass the guard. They are of another version of the chart, or somebody has changed them.',
    })
  }
  if (matchPolicy === 'Exact') {
    found.push({
      level: 'warn',
      what: 'has matchPolicy Exact.',
      why: 'A write in another version of the API that is still served (v1beta1) bypasses the guard.',
    })
  }
  return found
}

function keysOf(selector: SeenWebhook['objectSelector']): string[] {
  const { matchLabels, matchExpressions } = selector ?? {}
  return [...Object.keys(matchLabels ?? {}), ...(matchExpressions ?? []).map(({ key }) => key)]
}

/** The selector without its requirements on other labels. */
function byNameAlone(selector: SeenWebhook['namespaceSelector']) {
  const { matchLabels, matchExpressions } = selector ?? {}
  const own = Object.entries(matchLabels ?? {}).filter(([key]) => key === nameLabel)
  const expressions = (matchExpressions ?? []).filter(({ key }) => key === nameLabel)
  return {
    ...(own.length > 0 && { matchLabels: Object.fromEntries(own) }),
    ...(expressions.length > 0 && { matchExpressions: expressions }),
  }
}
