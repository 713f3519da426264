import { group, type Kind, kinds, version } from '../longhorn/kinds.ts'
import type { ListWatchProblem } from './watch/list-watch-state.ts'

/** A problem of the feed of the disk map. `message` is one sentence or more for people. */
export type FeedProblem =
  /** A kind cannot be followed now; the feed retries without end. */
  | {
      readonly type: 'not-followed'
      readonly kind: Kind
      readonly reason: ListWatchProblem['reason']
      readonly message: string
      readonly error: Error
      readonly retryInMs: number
    }
  /** An object does not fit Longhorn's schema; its last readable version stays in the map. */
  | { readonly type: 'unreadable'; readonly kind: Kind; readonly name: string; readonly message: string }
  /** The map threw at an object. */
  | {
      readonly type: 'not-applied'
      readonly kind: Kind
      readonly name: string
      readonly message: string
      readonly error: Error
    }

/** Describes the problem of a kind, and the remedy. */
export function notFollowed(
  kind: Kind,
  namespace: string,
  { reason, error, retryInMs }: ListWatchProblem,
): FeedProblem {
  const advice = adviceFor(kind, namespace, reason)
  const message = `${kinds[kind].plural}.${group}: ${error.message}${advice === undefined ? '' : `\n${advice}`}`
  return { type: 'not-followed', kind, reason, message, error, retryInMs }
}

/** Names the wrong field of an object. */
export function unreadable(kind: Kind, name: string, problem: string): FeedProblem {
  const message =
    `${kind} ${name} is not what Longhorn's ${version} schema says: ${problem}. Its last readable version stays in ` +
    `the disk map. Until it can be read, Holdfast denies dangerous writes. Look at it with: kubectl get ${kinds[kind].plural}.${group} ${name} -o yaml`
  return { type: 'unreadable', kind, name, message }
}

/** Says that the map threw. */
export function notApplied(
  kind: Kind,
  name: string,
  thrown: unknown,
): Extract<FeedProblem, { type: 'not-applied' }> {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
  const message = `Holdfast cannot update ${kind} ${name} in the disk map: ${error.message}. Until it can, Holdfast denies dangerous writes. This is a bug in Holdfast: please report it`
  return { type: 'not-applied', kind, name, message, error }
}

function adviceFor(kind: Kind, namespace: string, reason: ListWatchProblem['reason']): string | undefined {
  const resource = `${kinds[kind].plural}.${group}`
  const untilThen = 'Until then the disk map is incomplete. Holdfast keeps trying.'
  switch (reason) {
    case 'missing':
      return (
        `The API server knows no ${resource} of version ${version}: is Longhorn installed in this cluster? ` +
        `Check with: kubectl get crd ${resource}. ${untilThen}`
      )
    case 'refused':
      return (
        `Holdfast needs to get, list and watch ${resource} in namespace ${namespace}: bind its user or service ` +
        `account to a Role that allows it. Check with: kubectl auth can-i list ${resource} -n ${namespace}. ${untilThen}`
      )
    case 'closed':
    case 'silent':
    case 'cut':
    case 'expired':
    case 'new-history':
    case 'error-event':
    case 'malformed':
    case 'unreachable':
    case 'timed-out':
    case 'credentials':
    case 'throttled':
    case 'rejected':
    case 'server-error':
    case 'unexpected':
    case 'handler':
      // These name the remedy themselves, or end without one.
      return undefined
  }
}
