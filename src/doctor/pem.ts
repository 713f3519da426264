import { certificateBlocks } from '../tls/pem-blocks.ts'
import { readCertificate } from '../tls/soundness.ts'

/** A certificate that could be read. */
export type Certificate = NonNullable<ReturnType<typeof readCertificate>>

/** All certificates of a PEM text, those that can be read. */
export function certificatesIn(pem: string): Certificate[] {
  return certificateBlocks(pem).flatMap((block) => readCertificate(block) ?? [])
}

/** When a certificate ends, in milliseconds since the epoch. */
export function endOf({ validTo }: Certificate): number {
  return Date.parse(validTo)
}

/** When it begins to be valid, in milliseconds since the epoch. */
export function startOf({ validFrom }: Certificate): number {
  return Date.parse(validFrom)
}

/** Of a long life this much is too little to be left, in milliseconds: cert-manager renews a month before the end. */
const longestEndMs = 14 * 86_400_000

/**
 * Where a certificate is in its life. Whoever renews does so when a third of it is left, or 90 days of a long one, as the guard
 * does; it is `ending` if half of that third has gone by too.
 */
export function ageOf(certificate: Certificate, now: number): 'not yet' | 'valid' | 'ending' | 'over' {
  const [from, to] = [startOf(certificate), endOf(certificate)]
  if (from > now) return 'not yet'
  if (to <= now) return 'over'
  return to - now < Math.min(longestEndMs, (to - from) / 6) ? 'ending' : 'valid'
}

/** `2026-11-23`. */
export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** `2026-11-23`, and for a life of a few weeks with the time of day: `2026-11-23T12:00Z`. */
export function momentOf(certificate: Certificate, at: number): string {
  const isShort = endOf(certificate) - startOf(certificate) < 60 * 86_400_000
  return isShort ? `${new Date(at).toISOString().slice(0, 16)}Z` : day(at)
}
