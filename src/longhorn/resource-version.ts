/**
 * True if a resourceVersion is known to be older than another of the same object or the same watch, where they only
 * grow: one that shrinks tells that etcd was restored from a backup (kubernetes/kubernetes#107457). Versions that are
 * not whole numbers are not compared.
 */
export function isOlder(version: string, than: string): boolean {
  const number = /^\d+$/
  return number.test(version) && number.test(than) && BigInt(version) < BigInt(than)
}
