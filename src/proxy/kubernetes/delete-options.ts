import type { JudgedCall, CallOutcome } from '../door.ts'
import { onlyWatched } from '../unjudged.ts'
import { statusAnswer } from './status-answer.ts'
import { isHeld, type Trial } from './trial.ts'
import type { Write } from './write.ts'

/** Options of a delete are a few hundred bytes. */
const mostOptions = 64 * 1024

const tooMany = `The options of a delete are larger than ${mostOptions} bytes, more than any delete needs`
const tooManyOptions = statusAnswer(413, tooMany)

const ownOptions = Buffer.from('{"apiVersion":"v1","kind":"DeleteOptions","dryRun":["All"]}')

/**
 * Asks the API server whether it takes a delete with options at all, with options of the proxy's own. So nothing is
 * parsed of a caller who may not delete. All other writes are tried as they are before they are read.
 *
 * @param enforces false where the whole guard only watches
 * @returns what the caller is told who may not, or whose options are too many; undefined for all else
 */
export async function optionsRefused(
  write: Write,
  call: JudgedCall,
  { trial, enforces }: { readonly trial: Pick<Trial, 'run'>; readonly enforces: boolean },
): Promise<CallOutcome | undefined> {
  if (write.method !== 'DELETE' || call.body.length === 0) return undefined
  // JSON under another name is nonsense to the API server; what has that name is no JSON, and is answered so.
  if (/protobuf|cbor/i.test(call.request.headers['content-type'] ?? '')) return undefined
  if (call.body.length > mostOptions) {
    if (enforces) return { outcome: 'own', answer: tooManyOptions }
    // What the guard would only watch it must not stop.
    return await onlyWatched(tooMany, call.forward)
  }
  const probe = { target: call.request.url ?? '/', body: ownOptions, asked: true }
  const tried = await trial.run(write, probe, call)
  if (tried.status < 300 || isHeld(tried)) return undefined
  const answer = await call.forward(probe)
  if ((answer.statusCode ?? 502) >= 300) return { outcome: 'passed', answer, warnings: [] }
  answer.resume()
  return undefined
}
