/** So many UTF-16 units are kept of a text that names something: Kubernetes allows 253 in a name. */
export const longestText = 1_024

/**
 * The beginning of a text, at most so many UTF-16 units, cut on entry: what a stranger writes is kept in records and
 * memories of what was said. It is a text of its own, since a slice would keep the whole in memory.
 */
export function bounded(text: string, longest: number = longestText): string {
  return text.length <= longest ? text : Array.from(text.slice(0, longest)).join('')
}
