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

/** `2026-11-23`. */
export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}
