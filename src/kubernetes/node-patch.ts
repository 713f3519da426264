import { Type } from 'typebox'
import { parser } from '../json/schema.ts'
import { group, kinds, version } from '../longhorn/kinds.ts'
import type { Node } from '../longhorn/node.ts'
import type { Connection } from './client/connection.ts'
import { ApiFailure, ConnectionFailure } from './client/failures.ts'
import { readFailure } from './client/read-failure.ts'
import { MalformedAnswer } from './client/json-request.ts'
import { isTimeUp } from '../time/clock.ts'

/** A merge patch of a Longhorn node. */
interface NodePatch {
  readonly metadata?: object
  readonly spec?: object
}

/** How a node is patched. */
interface PatchModules {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly signal: AbortSignal
  /** True to learn what admission says, and write nothing. */
  readonly dryRun?: boolean
}

/** What the API server answered to a patch that it took. */
interface Patched {
  /** The version of the node with the patch. */
  readonly resourceVersion: string
  /** Header `Warning`: what webhooks told the user. */
  readonly warnings: string
}

const parsePatched = parser(
  Type.Object({ metadata: Type.Object({ resourceVersion: Type.String() }) }),
  ({ metadata }) => metadata.resourceVersion,
)

/**
 * Patches a Longhorn node in the version that was looked at, and in no other.
 *
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function patchNodeAsSeen(
  { metadata: { name, resourceVersion } }: Node,
  { metadata, ...rest }: NodePatch,
  { connection, longhornNamespace, signal, dryRun = false }: PatchModules,
): Promise<Patched> {
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(longhornNamespace)}/${kinds.Node.plural}/${encodeURIComponent(name)}`
  const response = await connection.request({
    method: 'PATCH',
    path,
    query: dryRun ? { dryRun: 'All' } : {},
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ ...rest, metadata: { ...metadata, resourceVersion } }),
    signal,
  })
  const text = await response.text()
  const { status, headers } = response
  if (status < 200 || status >= 300) throw readFailure(`PATCH ${path}`, status, text, headers['retry-after'])
  const patched = parsePatched(jsonOf(text))
  if (!patched.ok) throw new MalformedAnswer(`The answer to PATCH ${path} is no node: ${patched.problem}.`)
  return { resourceVersion: patched.value, warnings: headers.warning ?? '' }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller says that it is no node.
    return undefined
  }
}

/** What became of one attempt. `later`: it has to be tried again, after so many milliseconds. */
export type PatchAttempt =
  | { readonly outcome: 'written' }
  | { readonly outcome: 'later'; readonly ms: number }
  | { readonly outcome: 'refused'; readonly why: string }

/** True if a write that failed with this may have been done all the same: its answer is lost. */
export function isAnswerLost(error: unknown): boolean {
  return !(error instanceof ApiFailure) || error.code >= 500
}

/** After a conflict the disk map catches up in no time, in milliseconds. */
export const conflictPauseMs = 100
const usualPauseMs = 1_000

/**
 * What an answer means for the next attempt; undefined if another one would not help. A manager that crash-loops serves
 * Longhorn's webhook only for moments, so a write that fails for that is tried again soon, and often.
 *
 * @param mustPass true for what only takes flags down: no refusal of a webhook is taken for an answer
 */
export function attemptOutcome(error: unknown, mustPass: boolean): PatchAttempt | undefined {
  if (isTimeUp(error)) return { outcome: 'later', ms: usualPauseMs }
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
