import { UnusableAuthority } from './issue.ts'
import type { PemPair } from './pem-pair.ts'
import { readText } from './write.ts'

/**
 * Reads an authority from its two files.
 *
 * @returns undefined if there is neither
 * @throws UnusableAuthority if one is missing
 */
export async function readAuthority(certPath: string, keyPath: string): Promise<PemPair | undefined> {
  const [cert, key] = [await readText(certPath), await readText(keyPath)]
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    const [there, missing] = cert === undefined ? [keyPath, certPath] : [certPath, keyPath]
    throw new UnusableAuthority(`${there} is there, but ${missing} is not`)
  }
  return { cert, key }
}
