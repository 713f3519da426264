const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** The form of a duration, as a regular expression for schemas: `500ms`, `5s`, `1m30s`. */
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

const goUnitsMs: Readonly<Record<string, number>> = {
  ...unitsMs,
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter: Go accepts both
}

const goTerm = '(?:\\d+\\.?\\d*|\\.\\d+)(?:ns|us|µs|μs|ms|s|m|h)'
const goDurationPattern = new RegExp(`^(?:${goTerm})+$`)

/**
 * Reads a length of time as Go writes it: `10s`, `1m30s`, `1.5s`, `500µs`.
 *
 * @returns milliseconds; undefined if the text is not a duration
 */
export function goDuration(text: string): number | undefined {
  // No duration is longer, and a long text costs time.
  if (text.length > 64 || !goDurationPattern.test(text)) return undefined
  let ms = 0
  for (const [term] of text.matchAll(new RegExp(goTerm, 'g')))
    ms += Number.parseFloat(term) * (goUnitsMs[term.replace(/^[\d.]+/, '')] ?? 0)
  return ms
}
