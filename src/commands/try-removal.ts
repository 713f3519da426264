import type { Removal, Trial } from '../doctor/facts.ts'
import { ApiFailure } from '../kubernetes/api-failure.ts'
import { ConnectionFailure } from '../kubernetes/connection-failure.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { webhookName } from '../kubernetes/find-guard.ts'
import { jsonRequest, MalformedAnswer } from '../kubernetes/json-request.ts'
import { group, kinds, version } from '../longhorn/kinds.ts'

/** Where a dry run is made. */
export interface TrialModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly signal: AbortSignal
}

/**
 * Asks the API server to remove copies, as a dry run: nothing is written, whatever comes of it. The guard answers at once.
 *
 * @throws the signal's reason
 */
export async function tryRemoval(
  { image, disks }: Removal,
  { connection, longhornNamespace, signal }: TrialModules,
): Promise<Trial> {
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(longhornNamespace)}/${kinds.BackingImage.plural}/${encodeURIComponent(image)}`
  try {
    await jsonRequest(connection, {
      method: 'PATCH',
      path,
      query: { dryRun: 'All' },
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { spec: { diskFileSpecMap: Object.fromEntries(disks.map((uuid) => [uuid, null])) } },
      signal,
    })
    return { result: 'admitted' }
  } catch (error) {
    signal.throwIfAborted()
    // What is no JSON comes from something before the API server, which may not have been asked.
    if (error instanceof ConnectionFailure || error instanceof MalformedAnswer)
      return { result: 'not-made', why: error.message }
    if (!(error instanceof ApiFailure)) throw error
    return outcomeOf(error)
  }
}

/** The API server names the webhook that denied, or that it could not call. */
function outcomeOf({ code, message, causes }: ApiFailure): Trial {
  if (message.includes(`admission webhook "${webhookName}" denied the request`)) {
    // A guard that cannot judge denies too; it names no rule.
    return code === 503 ? { result: 'unanswered', why: message } : { result: 'denied', rules: causes }
  }
  if (message.includes(`failed calling webhook "${webhookName}"`))
    return { result: 'unanswered', why: message }
  return { result: 'not-made', why: message }
}
