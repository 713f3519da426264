/** A certificate with the key that belongs to it, both PEM; the key as PKCS #8. */
export interface PemPair {
  readonly cert: string
  readonly key: string
}

/** True if both texts of one are those of the other. */
export function samePair(one: PemPair, other: PemPair): boolean {
  return one.cert === other.cert && one.key === other.key
}
