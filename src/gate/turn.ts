import { nameOf, type Change, type Request } from '../rules/change.ts'
import type { Claim } from './claims.ts'
import { writesOf } from './reservation-book.ts'

/** True for what came through a proxy, which hears what became of a write and takes its reservations back then. */
export function isProxied({ door }: Pick<Request, 'door'>): boolean {
  return door === 'proxy-longhorn' || door === 'proxy-kubernetes'
}

/**
 * The turn that a change waits for before all proxies. The API server commits what a webhook has reviewed on the one
 * version that was reviewed; Longhorn's REST API writes on whatever version there is by then. Of two such writes to one
 * object each could be harmless on the version that both were judged on, and the second be no more than that on what the
 * first has left: two clean-ups, each of another copy, take the last one.
 */
export function turnOf(change: Change): Claim[] {
  // What is created was not there to be written by another.
  if (!isProxied(change.request) || change.operation === 'CREATE') return []
  return [{ page: writesOf(change.kind, nameOf(change)), intent: 'write', disks: 'any' }]
}
