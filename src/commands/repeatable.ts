/**
 * Collects an option that may be given several times, as kubectl's flags may. One that took several values at once would
 * also take the argument that follows it.
 */
export function repeatable(value: string, before: readonly string[]): readonly string[] {
  return [...before, value]
}
