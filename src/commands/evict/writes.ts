import { Type } from 'typebox'
import { parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Node } from '../../longhorn/node.ts'
import { abortReason, type Clock, onAbort, pause } from '../../time/clock.ts'

/** The API for writes to nodes, and the disk map that shows them. */
interface NodeWriteModules {
  readonly connection: Connection
  readonly namespace: string
  readonly live: LiveMap
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called with the reason why a write has to wait. */
  readonly onHeld: (message: string) => void
}

const parseWritten = parser(
  Type.Object({ metadata: Type.Object({ resourceVersion: Type.String() }) }),
  ({ metadata }) => metadata.resourceVersion,
)

/**
 * Patches one of Longhorn's nodes as the disk map has it at each attempt, and waits until the disk map shows
 * the write. It retries a held write without limit.
 *
 * @throws ApiFailure that is neither a hold nor a conflict, ConnectionFailure `credentials`, or the signal's
 * reason
 */
export async function patchNode(
  name: string,
  patch: (node: Node) => object,
  modules: NodeWriteModules,
): Promise<void> {
  const { connection, namespace, live, clock, signal, onHeld } = modules
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${kinds.Node.plural}/${encodeURIComponent(name)}`
  const headers = { 'content-type': 'application/merge-patch+json' }
  for (;;) {
    signal.throwIfAborted()
    const node = live.map.node(name)
    // The node was deleted while a write was held; the disk map will show that.
    if (!node) return
    try {
      const json = { ...patch(node), metadata: { resourceVersion: node.metadata.resourceVersion } }
      const written = parseWritten(
        await jsonRequest(connection, { method: 'PATCH', path, headers, json, signal }),
      )
      if (!written.ok)
        throw new MalformedAnswer(`The answer to PATCH ${path} is no node: ${written.problem}.`)
      await until(
        () => !isOlder(live.map.node(name)?.metadata.resourceVersion ?? '0', written.value),
        live,
        signal,
      )
      return
    } catch (error) {
      const pauseMs = pauseAfter(error)
      if (pauseMs === undefined) throw error
      if (pauseMs !== conflictPauseMs) onHeld(error instanceof Error ? error.message : String(error))
      await pause(clock, pauseMs, signal)
    }
  }
}

/** After a conflict the disk map catches up quickly. */
const conflictPauseMs = 100
const usualPauseMs = 2_000

/** How long to wait before the same write is retried; undefined if a retry is useless. */
function pauseAfter(error: unknown): number | undefined {
  if (error instanceof ConnectionFailure) {
    // The write may have been committed. A second one on the same version is then a conflict.
    return error.kind === 'credentials' ? undefined : usualPauseMs
  }
  if (!(error instanceof ApiFailure) || ![409, 429, 503].includes(error.code)) return undefined
  if (error.code === 409) return conflictPauseMs
  return error.retryAfterSeconds === undefined ? usualPauseMs : error.retryAfterSeconds * 1_000
}

/**
 * Resolves at the next change of the disk map, or at a time, whichever is first.
 *
 * @param end `until` in the clock's milliseconds
 * @throws the signal's reason
 */
export async function nextChange(
  live: LiveMap,
  signal: AbortSignal,
  end?: { readonly clock: Clock; readonly until: number },
): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const over = (settle: () => void) => () => {
      unsubscribe()
      cancel?.()
      forget()
      settle()
    }
    const unsubscribe = live.subscribe(over(resolve))
    const cancel = end?.clock.setTimer(Math.max(0, end.until - end.clock.monotonic()), over(resolve))
    const forget = onAbort(
      signal,
      over(() => reject(abortReason(signal))),
    )
  })
}

async function until(condition: () => boolean, live: LiveMap, signal: AbortSignal): Promise<void> {
  while (!condition()) await nextChange(live, signal)
}
