import { Type } from 'typebox'
import { parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import type { BackingImage } from '../../longhorn/backing-image.ts'
import { group, kinds, version } from '../../longhorn/kinds.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import type { Node } from '../../longhorn/node.ts'
import { abortReason, type Clock, onAbort, pause } from '../../time/clock.ts'

/** Runs one act at a time, in the order in which they come. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  /** @throws what the act throws; the next runs all the same */
  run<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act)
    this.#last = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }
}

/** Where Longhorn's objects are written, and where the write is seen. */
interface WriteModules {
  readonly connection: Connection
  readonly namespace: string
  readonly live: LiveMap
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called with the reason why a write has to wait. */
  readonly onHeld: (message: string) => void
  /** Runs one attempt at a time; undefined for attempts that wait for no others. */
  readonly mutex?: Mutex | undefined
}

/** A merge patch of one of Longhorn's objects. */
export interface ObjectPatch {
  readonly metadata?: object
  readonly spec?: object
}

const parseWritten = parser(
  Type.Object({ metadata: Type.Object({ resourceVersion: Type.String() }) }),
  ({ metadata }) => metadata.resourceVersion,
)

/**
 * Patches one of Longhorn's nodes as the disk map has it at each attempt, and waits until the disk map shows
 * the write. It retries a held write without limit.
 *
 * @param patch what to change, asked at each attempt; undefined if nothing any more
 * @throws ApiFailure that is neither a hold nor a conflict, ConnectionFailure `credentials`, or the signal's reason
 */
export async function patchNode(
  name: string,
  patch: (node: Node) => ObjectPatch | undefined,
  modules: WriteModules,
): Promise<void> {
  const look = () => modules.live.map.node(name)
  await patchObject({ kind: 'Node', name, look, patch }, modules)
}

/** The same for a backing image. */
export async function patchImage(
  name: string,
  patch: (image: BackingImage) => ObjectPatch | undefined,
  modules: WriteModules,
): Promise<void> {
  const look = () => modules.live.map.image(name)
  await patchObject({ kind: 'BackingImage', name, look, patch }, modules)
}

/** What is patched, and how. */
interface Patching<T> {
  readonly kind: 'Node' | 'BackingImage'
  readonly name: string
  /** Undefined once it was deleted. */
  readonly look: () => T | undefined
  readonly patch: (object: T) => ObjectPatch | undefined
}

async function patchObject<T extends Node | BackingImage>(
  patching: Patching<T>,
  modules: WriteModules,
): Promise<void> {
  const { clock, signal, onHeld, mutex } = modules
  for (;;) {
    signal.throwIfAborted()
    try {
      const attempt = () => patchOnce(patching, modules)
      await (mutex ? mutex.run(attempt) : attempt())
      return
    } catch (error) {
      const pauseMs = pauseAfter(error)
      if (pauseMs === undefined) throw error
      if (pauseMs !== conflictPauseMs) onHeld(error instanceof Error ? error.message : String(error))
      await pause(clock, pauseMs, signal)
    }
  }
}

async function patchOnce<T extends Node | BackingImage>(
  { kind, name, look, patch }: Patching<T>,
  { connection, namespace, live, signal }: WriteModules,
): Promise<void> {
  signal.throwIfAborted()
  const object = look()
  const wanted = object && patch(object)
  // It was deleted while a write was held back, or is as it should be: the next look at the disk map says so.
  if (!wanted) return
  const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${kinds[kind].plural}/${encodeURIComponent(name)}`
  const headers = { 'content-type': 'application/merge-patch+json' }
  // On another version the write could bring a copy back that has gone meanwhile.
  const { resourceVersion } = object.metadata
  const json = { ...wanted, metadata: { ...wanted.metadata, resourceVersion } }
  const written = parseWritten(
    await jsonRequest(connection, { method: 'PATCH', path, headers, json, signal }),
  )
  if (!written.ok) throw new MalformedAnswer(`The answer to PATCH ${path} is no ${kind}: ${written.problem}.`)
  const isSeen = (): boolean => {
    const seen = look()
    return seen === undefined || !isOlder(seen.metadata.resourceVersion, written.value)
  }
  await until(isSeen, live, signal)
}

/** After a conflict the disk map catches up in no time. */
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
