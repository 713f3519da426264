import type { UnjudgedWrite } from '../../../gate/ports.ts'
import { mostValuesOfObject, mostValuesOfPatch } from '../../http/body.ts'
import { hasMoreValues } from '../../../json/schema.ts'
import type { JudgedCall } from '../door.ts'
import type { NamedWrite } from './write.ts'

/** Why a write cannot be judged. */
export interface Doubt {
  readonly why: UnjudgedWrite['why']
  readonly problem: string
  /** What it is answered with, if not with what its reason is. */
  readonly status?: number
}

/** client-go then sends JSON. */
export const notJson: Doubt = {
  why: 'unreadable',
  problem: 'the body of a delete must be JSON, so that it can be tried first',
  status: 415,
}

/**
 * What a write has too much of to be read: binding it to a version reads all names in it, at some microseconds each, and
 * nothing else is answered meanwhile.
 *
 * @returns undefined for all others
 */
export function tooMuchIn({ method }: NamedWrite, { request, body }: JudgedCall): Doubt | undefined {
  // The options of a delete are bounded by their size.
  if (method === 'DELETE') return undefined
  const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1)
  // To apply names the whole object.
  const isPatch = method === 'PATCH' && type.trim().toLowerCase() !== 'application/apply-patch+yaml'
  const most = isPatch ? mostValuesOfPatch : mostValuesOfObject
  if (!hasMoreValues(most, body.toString('latin1'))) return undefined
  return tooMany(`it has more than ${most} values, more than any such write needs`)
}

/**
 * The same of the object that it would leave. A patch can copy what is there many times.
 *
 * @param text what the dry run answered
 */
export function tooMuchLeft({ name }: NamedWrite, text: string): Doubt | undefined {
  // A whole collection may be deleted at once.
  if (name === undefined || !hasMoreValues(mostValuesOfObject, text)) return undefined
  return tooMany(
    `it would leave an object with more than ${mostValuesOfObject} values, more than Longhorn’s have`,
  )
}

function tooMany(problem: string): Doubt {
  return { why: 'unreadable', problem, status: 413 }
}
