/** A length of time as kubectl shows ages: `45s`, `3m20s`, `5h10m`, `12d`. @param ms milliseconds; below zero is none */
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
