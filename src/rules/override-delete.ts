import type { Node } from '../longhorn/node.ts'
import type { Metadata } from '../longhorn/metadata.ts'
import { overrideAnnotation } from '../longhorn/metadata.ts'

/** What the annotation `holdfast.dev/override` says about the deletion of its own object. */
export interface DeleteOverride {
  /** False if it is about another object, or about this one as it was before its spec changed. */
  readonly isCurrent: boolean
  /** May be empty. */
  readonly reason: string
}

const form = /^delete (\S+)\/(\d+):([^]*)$/

/**
 * Reads an exception for a deletion: `delete <uid>/<generation>: <reason>`, written on the object beforehand, since a
 * DELETE carries no annotation of its own. Undefined if the annotation is about something else.
 *
 * The uid makes it good for this very object: it works once, for what is deleted has no second end, and it is worth nothing
 * on an object of the same name that a backup or a GitOps tool makes from it. The generation makes it good for the spec
 * that its author saw: a disk that joins later is not covered. Neither needs a clock, nor anybody to remember who wrote
 * it: the guard does not see writes of annotations, and managedFields name a tool and a time, not a user.
 */
export function readDeleteOverride({ override, uid, generation }: Metadata): DeleteOverride | undefined {
  const parts = form.exec(override ?? '')
  if (!parts) return undefined
  const [, of, at, reason = ''] = parts
  return { isCurrent: uid !== '' && of === uid && at === String(generation), reason }
}

/** The command that writes it. */
export function deleteOverrideFor({ metadata }: Node, namespace: string): string {
  const { name, uid, generation } = metadata
  return `kubectl -n ${namespace} annotate --overwrite nodes.longhorn.io ${name} '${overrideAnnotation}=delete ${uid}/${generation}: <why>', and delete it again`
}
