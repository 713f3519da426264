import { makeAuthority } from './authority.ts'
import { issueServing } from './issue.ts'
import type { Kept, KeptAuthority } from './kept.ts'
import type { PemPair } from './pem-pair.ts'
import type { Step } from './rotation.ts'
import type { ServerNames } from './server-names.ts'
import { readCertificate } from './soundness.ts'
import type { TimeOfDay } from '../time/clock.ts'

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
