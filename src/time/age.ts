/**
 * A length of time as kubectl shows ages: `45s`, `3m20s`, `5h10m`, `12d`.
 *
 * @param ms milliseconds; a negative value counts as zero
 */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm')
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`
}

function pair(much: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${much}${unit}` : `${much}${unit}${rest}${restUnit}`
}

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
const year = 365 * day

/**
 * A length of time as kubectl prints ages: two units while the smaller one matters (`3m20s`, `5h4m`, `2d3h`),
 * one for longer times.
 *
 * @param ms milliseconds
 */
export function humanDuration(ms: number): string {
  if (ms < -second) return '<invalid>'
  if (ms < 2 * minute) return `${count(Math.max(0, ms), second)}s`
  if (ms < 10 * minute) return two(ms, minute, 'm', second, 's')
  if (ms < 3 * hour) return `${count(ms, minute)}m`
  if (ms < 8 * hour) return two(ms, hour, 'h', minute, 'm')
  if (ms < 2 * day) return `${count(ms, hour)}h`
  if (ms < 8 * day) return two(ms, day, 'd', hour, 'h')
  if (ms < 2 * year) return `${count(ms, day)}d`
  if (ms < 8 * year) return two(ms, year, 'y', day, 'd')
  return `${count(ms, year)}y`
}

/** The time since an RFC 3339 moment; `<unknown>` when there is none. */
export function ageOf(moment: unknown, nowMs: number): string {
  const then = typeof moment === 'string' ? Date.parse(moment) : NaN
  return Number.isNaN(then) ? '<unknown>' : humanDuration(nowMs - then)
}

function count(ms: number, unit: number): number {
  return Math.floor(ms / unit)
}

function two(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = count(ms % large, small)
  return `${count(ms, large)}${largeName}${rest === 0 ? '' : `${rest}${smallName}`}`
}
