const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** What a duration looks like, as a regular expression for schemas: `500ms`, `5s`, `1m30s`. */
export const durationPattern = '^(\\d+(ms|s|m|h))+$'

/**
 * Reads a duration as Kubernetes tools write it: `500ms`, `5s`, `1m30s`, `2h`.
 *
 * @returns milliseconds, or undefined if the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  if (!new RegExp(durationPattern).test(text)) return undefined
  let total = 0
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g))
    total += Number(count) * (unitsMs[unit ?? ''] ?? 0)
  return total
}
