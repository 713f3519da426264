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

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * Reads a length of time as Go writes it, `30s`, `1m30s`, `500ms`; a bare number is seconds, as kubectl allows.
 *
 * @returns milliseconds; undefined when it cannot be read
 */
export function goDuration(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  return parts.reduce((sum, [, amount, unit = '']) => sum + Number(amount) * (units[unit] ?? 0), 0)
}
