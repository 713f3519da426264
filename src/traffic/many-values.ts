/**
 * So many values are read of one body. The largest image that etcd stores, in 1.5 MiB with 2,700 copies, has 300,000 in its
 * review, before and after. A text of 8 MiB can have five million, and nothing else is answered while they are read.
 */
export const mostValues = 350_000

/**
 * The same of a call of Longhorn's REST API, which asks nobody who they are. Its UI sends a whole node back: ten disks with
 * 2,000 replicas have 5,000.
 */
export const mostValuesOfCall = 50_000

const [comma, colon, bracket, brace] = [',', ':', '[', '{'].map((character) => character.charCodeAt(0))

/**
 * True for JSON with more values than this, told without reading it. It counts what stands before a value, in strings too,
 * which is at most too careful: reading costs some hundred nanoseconds a value, and counting one for each character.
 */
export function hasMoreValues(most: number, text: string): boolean {
  if (text.length <= most) return false
  let count = 0
  for (let at = 0; at < text.length && count <= most; at += 1) {
    const code = text.charCodeAt(at)
    if (code === comma || code === colon || code === bracket || code === brace) count += 1
  }
  return count > most
}
