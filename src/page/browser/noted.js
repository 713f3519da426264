/** @import { NodeView } from '../state-schema.ts' */

/** A sentence names so many nodes at most. */
const named = 5

/**
 * Says on which nodes a rescue has cleared flags, and what raises them again. A node without a flag up looks as if nobody
 * evicted it.
 *
 * @param {readonly NodeView[]} nodes
 * @param {string} flags with which a command looks at the same cluster
 * @returns {string[]}
 */
export function notedWords(nodes, flags) {
  /** @type {Record<'guard' | 'person' | 'nothing', string[]>} */
  const found = { guard: [], person: [], nothing: [] }
  for (const { name, noted } of nodes) if (noted) found[whatRaises(noted)].push(name)
  const { guard, person, nothing } = found
  return [
    ...(person.length > 0
      ? [
          `Evictions are stopped on ${list(person)}: a rescue has cleared eviction flags and noted them. To raise them again, run: ${command(person, flags)}`,
        ]
      : []),
    ...(guard.length > 0
      ? [
          `Evictions are stopped on ${list(guard)}: the guard has cleared eviction flags, and raises them when that is safe.`,
        ]
      : []),
    ...(nothing.length > 0
      ? [
          `A note of a rescue is left on ${list(nothing)}, and no flag can be raised from it. To remove it, run: ${command(nothing, flags, '--leave-cleared')}`,
        ]
      : []),
  ]
}

/** @param {NonNullable<NodeView['noted']>} noted */
function whatRaises({ node, disks, raisedBy, problem }) {
  return problem !== null || (!node && disks.length === 0) ? 'nothing' : raisedBy
}

/** @param {readonly string[]} nodes */
function list(nodes) {
  const more = nodes.length > named ? ` and ${nodes.length - named} more` : ''
  return `${nodes.slice(0, named).join(', ')}${more}`
}

/**
 * @param {readonly string[]} nodes
 * @param {...string} flags
 */
function command(nodes, ...flags) {
  return ['holdfast rescue', ...(nodes.length > named ? [] : nodes), ...flags].filter(Boolean).join(' ')
}
