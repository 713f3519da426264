import type { Node } from '../longhorn/node.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import { overrideAnnotation } from '../longhorn/metadata.ts'

/** What the annotation `holdfast.dev/override` says about the deletion of its own object. */
export interface DeleteOverride {
  /**
   * `other-object`: it is about another object, or about this one as it was before its spec changed. `expired`: its time is
   * over, or too far ahead, or it names none.
   */
  readonly standing: 'current' | 'other-object' | 'expired'
  /** May be empty. */
  readonly reason: string
}

const form = /^delete (\S+)\/(\d+)(?: before (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z))?:([^]*)$/

/** How far ahead the time may be that an exception names, in milliseconds. */
const longestMs = 60 * 60_000

/** How long the exception lasts that the guard's own command writes, in milliseconds. */
const usualMs = 30 * 60_000

/**
 * Reads an exception for a deletion: `delete <uid>/<generation> before <time>: <reason>`, written on the object beforehand,
 * since a DELETE carries no annotation of its own. Undefined if the annotation is about something else.
 *
 * The uid makes it good for this very object: it works once, for what is deleted has no second end, and it is worth nothing
 * on an object of the same name that a backup or a GitOps tool makes from it. The generation makes it good for the spec
 * that its author saw: a disk that joins later is not covered. The time, an hour ahead at most, makes one that was not used
 * end by itself. A clock that is wrong ends it too early, or an hour and its error too late. None of these needs anybody to
 * remember who wrote it: the guard does not see all writes of annotations, and managedFields name a tool, not a user.
 *
 * @param now milliseconds since the epoch; undefined if nobody knows, and then no time is good
 */
export function readDeleteOverride(
  { override, uid, generation }: Metadata,
  now: number | undefined,
): DeleteOverride | undefined {
  const parts = form.exec(override ?? '')
  if (!parts) return undefined
  const [, of, at, before = '', reason = ''] = parts
  if (uid === '' || of !== uid || at !== String(generation)) return { standing: 'other-object', reason }
  // NaN if it names no time: then neither comparison holds.
  const left = Date.parse(before) - (now ?? NaN)
  return { standing: left > 0 && left <= longestMs ? 'current' : 'expired', reason }
}

/** The command that writes it. @param now milliseconds since the epoch */
export function deleteOverrideFor({ metadata }: Node, namespace: string, now: number): string {
  const { name, uid, generation } = metadata
  const before = `${new Date(now + usualMs).toISOString().slice(0, 19)}Z`
  return `kubectl -n ${namespace} annotate --overwrite nodes.longhorn.io ${name} '${overrideAnnotation}=delete ${uid}/${generation} before ${before}: <why>', and delete it again before then`
}
