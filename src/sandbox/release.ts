/**
 * True for a release from this one on, pre-releases of it included, and for one that cannot be read: it is taken
 * for the newest.
 */
export function isSince(release: string, since: readonly [number, number, number]): boolean {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+|x)/.exec(release) ?? []
  if (patch === undefined) return true
  const its = [Number(major), Number(minor), patch === 'x' ? Infinity : Number(patch)]
  const at = its.findIndex((part, index) => part !== since[index])
  return at < 0 || (its[at] ?? 0) > (since[at] ?? 0)
}
