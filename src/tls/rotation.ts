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

/** The next thing to do about what is kept, one write each. */
export type Step =
  /** A new authority signs at once: nothing that is kept can. Whoever trusts the old one only is lost for a moment. */
  | { readonly step: 'begin'; readonly why: string }
  /** The authority signs a new serving certificate. */
  | { readonly step: 'issue'; readonly why: string }
  /** A new authority is made, to be trusted before it signs anything. */
  | { readonly step: 'announce'; readonly why: string }
  /** The announced authority takes over, and signs a new serving certificate. */
  | { readonly step: 'change'; readonly why: string }
  /** The authority before is trusted no more. */
  | { readonly step: 'forget'; readonly why: string }
  | { readonly step: 'nothing' }

/** What is known besides what is kept. */
interface RotationFacts {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What the server is called by. */
  readonly names: readonly string[]
  /** For how long what is kept, and what the API server is told to trust, have been as they are, in milliseconds. */
  readonly settledMs: number
}

/**
 * An announced authority signs after this, in milliseconds. A registration takes effect within a second
 * (kubernetes.md, Staying out of the way), there may be several API servers, and none can be asked.
 */
const announcedMs = 60_000

/** The authority before is forgotten after this, in milliseconds: every replica has long reloaded by then. */
const rememberedMs = 3_600_000

/**
 * Decides how certificates go on: the serving certificate alone while the authority is healthy, and an authority only
 * after it is trusted (kubernetes.md, Staying out of the way).
 */
export function nextStep(kept: Kept, { now, names, settledMs }: RotationFacts): Step {
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
    if (settledMs >= announcedMs) return { step: 'change', why: 'the next authority has been made known' }
    // Where leaders change too often for one to see it settle, a moment without trust is better than no certificate.
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
    return { step: 'forget', why: 'nothing that the authority before has signed is served any more' }
  return { step: 'nothing' }
}

function hasExpired(pem: string, now: number): boolean {
  const cert = readCertificate(pem)
  return cert === undefined || Date.parse(cert.validTo) <= now
}

/**
 * Does one step of the rotation; nothing is written yet.
 *
 * @throws UnusableAuthority if the step does not fit what is kept
 */
export async function rotate(
  kept: Kept,
  { step }: Exclude<Step, { step: 'nothing' }>,
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

/** Another authority takes over; the one before is still trusted, since others may serve what it signed. */
async function succeed(kept: Kept, authority: PemPair, names: ServerNames, clock: TimeOfDay): Promise<Kept> {
  const before = kept.authority?.cert
  return {
    authority,
    next: undefined,
    previous: before !== undefined && readCertificate(before) ? before : undefined,
    serving: await issueServing(authority, names, clock),
  }
}

/** An authority without a key is one that issueServing refuses, with its reason. */
function signing(authority: KeptAuthority | undefined): PemPair {
  return { cert: authority?.cert ?? '', key: authority?.key ?? '' }
}
