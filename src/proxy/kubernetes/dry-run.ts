import { memberOf, withMember } from '../../json/json-text.ts'
import { targetOf } from '../target.ts'
import { bodyOf, isObjectText, jsonTextOf } from './json-text-of.ts'
import type { Write } from './write.ts'

/** A request as a dry run: nothing is written, and the answer is what would be. */
export interface DryRun {
  readonly target: string
  readonly body: Buffer
  /** True if the client asked for one itself: then this is what is passed on, too. */
  readonly asked: boolean
}

/**
 * Makes a dry run of a write. The options of a delete are in its body if it has one, and then the query is not looked at
 * (*measured*: a delete with a body and `?dryRun=All` deletes).
 *
 * @returns undefined for a body that nobody can tell to be one: it must not be sent
 */
export function dryRunOf({ method }: Write, target: string, body: Buffer): DryRun | undefined {
  if (method !== 'DELETE' || body.length === 0) {
    const { query } = targetOf(target)
    const asked = new URLSearchParams(query).getAll('dryRun').includes('All')
    // Added whatever the client asked: what looks like a dry run here may be none to Go (`dryRun=All;x`).
    return { target: `${target}${target.includes('?') ? '&' : '?'}dryRun=All`, body, asked }
  }
  const options = jsonTextOf(body)
  if (!isObjectText(options)) return undefined
  const named: unknown = JSON.parse(memberOf(options, 'dryRun')?.value ?? '[]')
  const asked = Array.isArray(named) && named.length > 0
  return { target, body: bodyOf(withMember(options, 'dryRun', '["All"]')), asked }
}
