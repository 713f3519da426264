import type { TimeOfDay } from '../time/clock.ts'
import { makeAuthority } from './authority.ts'
import { issueServing, type ServerNames } from './issue.ts'
import {
  isDue,
  isEnding,
  isUrgent,
  type Kept,
  type KeptAuthority,
  type PemPair,
  readCertificate,
  whyNotServing,
  whyNotSigning,
} from './stored.ts'

/** The next change of the stored certificates, one write each. */
export type RotationStep =
  /**
   * A new authority signs at once, since the stored one cannot. Clients that trust the old one only fail for
   * a moment.
   */
  | { readonly step: 'begin'; readonly why: string }
  /** The authority signs a new serving certificate. */
  | { readonly step: 'issue'; readonly why: string }
  /** A new authority is made. Clients have to trust it before it signs. */
  | { readonly step: 'announce'; readonly why: string }
  /** The announced authority takes over, and signs a new serving certificate. */
  | { readonly step: 'change'; readonly why: string }
  /** The previous authority is removed from the trusted ones. */
  | { readonly step: 'forget'; readonly why: string }
  | { readonly step: 'nothing' }

/** The facts besides the stored certificates. */
interface RotationFacts {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The names of the server. */
  readonly names: readonly string[]
  /**
   * How long the stored certificates, and the trust that is published to the API server, have been unchanged,
   * in milliseconds.
   */
  readonly settledMs: number
}

/**
 * An announced authority signs after this, in milliseconds. A registration takes effect within a second
 * (kubernetes.md, Staying out of the way). A cluster may have several API servers, and none can be asked.
 */
const announcedMs = 60_000

/** The previous authority is removed after this, in milliseconds. Every replica has reloaded long before. */
const rememberedMs = 3_600_000

/**
 * Decides the next step of the rotation: the serving certificate alone while the authority is healthy, and a
 * new authority only once it is trusted (kubernetes.md, Staying out of the way).
 */
export function nextRotationStep(kept: Kept, { now, names, settledMs }: RotationFacts): RotationStep {
  const { authority, next, previous, serving } = kept
  if (authority === undefined) return { step: 'begin', why: 'there is no authority yet' }
  const unsigning = whyNotSigning(authority, now)
  const unserving =
    serving === undefined
      ? 'there is no serving certificate yet'
      : whyNotServing(serving, authority.cert, names, now)
  const ready = next !== undefined && whyNotSigning(next, now) === undefined

  if (unserving !== undefined) {
    if (unsigning === undefined) return { step: 'issue', why: unserving }
    return { step: ready ? 'change' : 'begin', why: `${unserving}, and ${unsigning}` }
  }
  if (ready) {
    if (settledMs >= announcedMs) return { step: 'change', why: 'the next authority has been published' }
    // If leaders change so often that none sees the trust settle, a moment without trust is better than no
    // certificate.
    if (serving !== undefined && isUrgent(serving.cert, now))
      return {
        step: 'change',
        why: 'the serving certificate is about to expire, and the next authority is ready',
      }
    return { step: 'nothing' }
  }
  if (unsigning !== undefined) return { step: 'announce', why: unsigning }
  if (isDue(authority.cert, now)) return { step: 'announce', why: 'the authority is about to expire' }
  if (serving !== undefined && isDue(serving.cert, now)) {
    const why = 'the serving certificate is about to expire'
    if (isEnding(authority.cert, now))
      return { step: 'announce', why: `${why}, and the authority not long after` }
    return { step: 'issue', why }
  }
  if (previous !== undefined && (settledMs >= rememberedMs || hasExpired(previous, now)))
    return { step: 'forget', why: 'no certificate of the previous authority is in use' }
  return { step: 'nothing' }
}

function hasExpired(pem: string, now: number): boolean {
  const cert = readCertificate(pem)
  return cert === undefined || Date.parse(cert.validTo) <= now
}

/**
 * Does one step of the rotation and returns the result unwritten.
 *
 * @throws UnusableAuthority if the step does not fit the stored certificates
 */
export async function rotate(
  kept: Kept,
  { step }: Exclude<RotationStep, { step: 'nothing' }>,
  names: ServerNames,
  clock: TimeOfDay,
): Promise<Kept> {
  switch (step) {
    case 'begin':
      return await succeed(kept, await makeAuthority(clock), names, clock)
    case 'issue':
      return { ...kept, serving: await issueServing(signing(kept.authority), names, clock) }
    case 'announce':
      return { ...kept, next: await makeAuthority(clock) }
    case 'change':
      return await succeed(kept, signing(kept.next), names, clock)
    case 'forget':
      return { ...kept, previous: undefined }
  }
}

/**
 * Another authority takes over. The previous one stays trusted, since other replicas may serve certificates
 * that it signed.
 */
async function succeed(kept: Kept, authority: PemPair, names: ServerNames, clock: TimeOfDay): Promise<Kept> {
  const before = kept.authority?.cert
  return {
    authority,
    next: undefined,
    previous: before !== undefined && readCertificate(before) ? before : undefined,
    serving: await issueServing(authority, names, clock),
  }
}

/** issueServing rejects an authority without a key, with the reason. */
function signing(authority: KeptAuthority | undefined): PemPair {
  return { cert: authority?.cert ?? '', key: authority?.key ?? '' }
}
