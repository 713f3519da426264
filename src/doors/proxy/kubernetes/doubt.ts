import type { UnjudgedWrite } from '../../../gate/ports.ts'
import { mostValues, mostValuesOfObject, mostValuesOfPatch } from '../../http/body.ts'
import { hasMoreValues } from '../../../json/schema.ts'
import type { JudgedCall } from '../door.ts'
import type { DryRunAnswer } from './dry-run.ts'
import type { NamedWrite } from './write.ts'

/** Why a write cannot be judged. */
export interface Doubt {
  readonly why: UnjudgedWrite['why']
  readonly problem: string
  /** The status of the answer, if it differs from the usual one of the reason. */
  readonly status?: number
}

/** client-go then sends JSON. */
export const notJson: Doubt = {
  why: 'unreadable',
  problem: 'the body of a delete must be JSON, so that it can be tried first',
  status: 415,
}

/**
 * The excessive part of a write. Binding it to a version reads all names in it, at some microseconds each,
 * and no other request is answered meanwhile.
 *
 * @returns undefined for all other writes
 */
export function tooMuchIn({ method }: NamedWrite, { request, body }: JudgedCall): Doubt | undefined {
  // Their size limits the options of a delete.
  if (method === 'DELETE') return undefined
  const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1)
  // An apply names the whole object.
  const isPatch = method === 'PATCH' && type.trim().toLowerCase() !== 'application/apply-patch+yaml'
  const most = isPatch ? mostValuesOfPatch : mostValuesOfObject
  if (!hasMoreValues(most, body.toString('latin1'))) return undefined
  return tooMany(`it has more than ${most} values, more than any such write needs`)
}

/**
 * The same for the object that the write would leave, or for all objects of a deleted collection. A small patch can copy
 * a value many times.
 */
export function tooMuchLeft(
  { name, method }: NamedWrite,
  { text, isTooLong }: DryRunAnswer,
): Doubt | undefined {
  const isCollection = name === undefined && method === 'DELETE'
  const most = isCollection ? mostValues : mostValuesOfObject
  if (!isTooLong && !hasMoreValues(most, text)) return undefined
  return tooMany(
    isCollection
      ? `the objects that it would delete have more than ${most} values together. Delete them one by one, as kubectl delete --all does`
      : `it would leave an object with more than ${most} values, more than Longhorn’s have`,
  )
}

function tooMany(problem: string): Doubt {
  return { why: 'unreadable', problem, status: 413 }
}
