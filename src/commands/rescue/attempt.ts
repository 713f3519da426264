import type { Connection } from '../../kubernetes/client/connection.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import {
  type PatchAttempt,
  attemptOutcome,
  conflictPauseMs,
  patchNodeAsSeen,
} from '../../kubernetes/node-patch.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Node } from '../../longhorn/node.ts'
import type { NodePatch } from '../../rules/rescue/flags.ts'
import { nextChange } from '../evict/writes.ts'

/** Where a node is written, and where the write is seen. */
interface AttemptModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly live: LiveMap
  readonly signal: AbortSignal
  /** Told why a write has to be tried again. */
  readonly onLater: (message: string) => void
}

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
): Promise<PatchAttempt> {
  const node = live.map.node(name)
  // The next look at the disk map says that it is gone.
  if (!node) return { outcome: 'later', ms: 0 }
  try {
    const { resourceVersion } = await patchNodeAsSeen(node, patch(node), {
      connection,
      longhornNamespace,
      signal,
    })
    const isShown = (): boolean => {
      const shown = live.map.node(name)
      return shown === undefined || !isOlder(shown.metadata.resourceVersion, resourceVersion)
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

/** What to do where a write that only takes flags down does not get through. */
export function adviceOn(message: string): string {
  const webhook = /failed calling webhook "([^"]+)"/.exec(message)?.[1]
  if (webhook?.endsWith('longhorn.io') === true) {
    return `${message}\nLonghorn’s managers serve this webhook, and none of them answers now. The write is tried again every second, and passes as soon as one is up for a moment. If none gets up, ${takeAway}`
  }
  // It denies every update of a node with a disk that its manager has not synced, and that manager crashes.
  if (/admission webhook "[^"]*longhorn\.io" denied/.test(message))
    return `${message}\nThe write is tried again every second. If Longhorn’s webhook goes on denying it, ${takeAway}`
  return `${message}\nIt is tried again.`
}

const takeAway =
  'take the webhooks away; Longhorn’s managers register them again when they start: kubectl delete validatingwebhookconfigurations.admissionregistration.k8s.io longhorn-webhook-validator; kubectl delete mutatingwebhookconfigurations.admissionregistration.k8s.io longhorn-webhook-mutator'

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
