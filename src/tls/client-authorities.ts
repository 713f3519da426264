import type { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { certificateBlocks } from './pem-blocks.ts'
import { readCertificate } from './soundness.ts'

/** Those whose client certificates are taken, as one file has them. */
export interface ClientAuthorities {
  /** All of them, PEM. */
  readonly pem: string
  /** The same, at least one. */
  readonly certificates: readonly X509Certificate[]
}

/** Thrown for a file of which not every certificate can be used: whom it leaves out nobody would notice. */
export class UnusableClientAuthorities extends Error {
  constructor(path: string, why: string, cause?: unknown) {
    super(
      `${path} (--client-ca) cannot be used: ${why}. It has to be PEM, with the certificate of each authority that signs client certificates of API servers`,
      { cause },
    )
    this.name = 'UnusableClientAuthorities'
  }
}

/**
 * Reads the authorities in a file.
 *
 * @throws {@link UnusableClientAuthorities}, or the signal's reason
 */
export async function readClientAuthorities(path: string, signal: AbortSignal): Promise<ClientAuthorities> {
  try {
    return parseClientAuthorities(await readFile(path, { encoding: 'utf8', signal }), path)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof UnusableClientAuthorities) throw error
    throw new UnusableClientAuthorities(path, error instanceof Error ? error.message : String(error), error)
  }
}

/**
 * Takes a PEM text apart.
 *
 * @param path for messages only
 * @throws {@link UnusableClientAuthorities}
 */
export function parseClientAuthorities(text: string, path: string): ClientAuthorities {
  const blocks = certificateBlocks(text)
  if (blocks.length === 0) throw new UnusableClientAuthorities(path, 'there is no certificate in it')
  const certificates = blocks.map((block, index) => {
    const which = blocks.length === 1 ? 'its certificate' : `certificate ${index + 1} of ${blocks.length}`
    const certificate = readCertificate(block)
    if (certificate === undefined) throw new UnusableClientAuthorities(path, `${which} cannot be read`)
    if (!certificate.ca)
      throw new UnusableClientAuthorities(path, `${which} is none of an authority (CA:FALSE)`)
    return certificate
  })
  const open = certificates.find((each) => !certificates.some((issuer) => each.checkIssued(issuer)))
  if (open !== undefined) {
    throw new UnusableClientAuthorities(
      path,
      `${oneLine(open.subject)} is signed by ${oneLine(open.issuer)}, which is not in it. Node follows a client certificate to an authority that has signed itself: add that one, and say with --client-name whom you take`,
    )
  }
  return { pem: `${blocks.join('\n')}\n`, certificates }
}

/** Node gives each part of a name a line of its own. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}

/** True if both are the same authorities in the same order. */
export function sameAuthorities(one: ClientAuthorities, other: ClientAuthorities): boolean {
  return one.pem === other.pem
}
