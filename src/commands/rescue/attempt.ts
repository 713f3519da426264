import { Type } from 'typebox'
import { parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Node } from '../../longhorn/node.ts'
import { nextChange } from '../evict/writes.ts'
import type { Attempt } from './carry-out.ts'
import type { NodePatch } from './flags.ts'

/** Where a node is written, and where the write is seen. */
interface AttemptModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly live: LiveMap
  readonly signal: AbortSignal
  /** Told why a write has to be tried again. */
  readonly onLater: (message: string) => void
}

const parseWritten = parser(
  Type.Object({ metadata: Type.Object({ resourceVersion: Type.String() }) }),
  ({ metadata }) => metadata.resourceVersion,
)

/**
 * Patches a node once, as it stands in the disk map, and waits until the disk map shows it.
 *
 * @param mustPass true for what only takes flags down: no refusal of a webhook is taken for an answer
 * @throws ApiFailure if a right is missing or the patch is wrong, ConnectionFailure `credentials`, MalformedAnswer, or
 *   the signal's reason
 */
export async function attemptPatch(
  name: string,
  patch: (node: Node) => NodePatch,
  mustPass: boolean,
  { connection, longhornNamespace, live, signal, onLater }: AttemptModules,
): Promise<Attempt> {
  const node = live.map.node(name)
  // The next look at the disk map says that it is gone.
  if (!node) return { outcome: 'later', ms: 0 }
  const { metadata, ...rest } = patch(node)
  // On another version than the one that was looked at it would be of a node that nobody has judged.
  const { resourceVersion } = node.metadata
  const json = { ...rest, metadata: { ...metadata, resourceVersion } }
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(longhornNamespace)}/${kinds.Node.plural}/${encodeURIComponent(name)}`
  const headers = { 'content-type': 'application/merge-patch+json' }
  try {
    const written = parseWritten(
      await jsonRequest(connection, { method: 'PATCH', path, headers, json, signal }),
    )
    if (!written.ok) throw new MalformedAnswer(`The answer to PATCH ${path} is no node: ${written.problem}.`)
    const isShown = (): boolean => {
      const shown = live.map.node(name)
      return shown === undefined || !isOlder(shown.metadata.resourceVersion, written.value)
    }
    while (!isShown()) await nextChange(live, signal)
    return { outcome: 'written' }
  } catch (error) {
    signal.throwIfAborted()
    const outcome = attemptOutcome(error, mustPass)
    if (outcome === undefined) throw error
    if (outcome.outcome === 'later' && outcome.ms !== conflictPauseMs) onLater(messageOf(error))
    return outcome
  }
}

/** After a conflict the disk map catches up in no time. */
const conflictPauseMs = 100
const usualPauseMs = 1_000

/**
 * What an answer means for the next attempt; undefined if another one would not help. A manager that crash-loops serves
 * Longhorn's webhook only for moments, so a write that fails for that is tried again soon, and often.
 */
export function attemptOutcome(error: unknown, mustPass: boolean): Attempt | undefined {
  if (error instanceof ConnectionFailure)
    return error.kind === 'credentials' ? undefined : { outcome: 'later', ms: usualPauseMs }
  if (!(error instanceof ApiFailure)) return undefined
  const { code, message, retryAfterSeconds } = error
  const isDenied = message.includes('denied the request')
  const isPassing = /\b(?:try again|retry)\b.*later|later.*\b(?:try again|retry)\b/i.test(message)
  if (code === 409) return { outcome: 'later', ms: conflictPauseMs }
  if (code === 429 || code >= 500 || code === 404)
    return { outcome: 'later', ms: (retryAfterSeconds ?? 0) * 1_000 || usualPauseMs }
  if (!isDenied) return undefined
  return mustPass || isPassing ? { outcome: 'later', ms: usualPauseMs } : { outcome: 'refused', why: message }
}

/** What to do where a write that only takes flags down does not get through. */
export function adviceOn(message: string): string {
  const webhook = /failed calling webhook "([^"]+)"/.exec(message)?.[1]
  if (webhook?.endsWith('longhorn.io') === true) {
    return `${message}\nLonghorn’s managers serve this webhook, and none of them answers now. The write is tried again every second, and passes as soon as one is up for a moment. If none gets up, take the webhooks away; Longhorn’s managers register them again when they start: kubectl delete validatingwebhookconfigurations.admissionregistration.k8s.io longhorn-webhook-validator; kubectl delete mutatingwebhookconfigurations.admissionregistration.k8s.io longhorn-webhook-mutator`
  }
  return `${message}\nIt is tried again.`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
