import type { Actor } from './change.ts'

/**
 * True for Longhorn's own service account: the controllers, and everybody who clicks in its UI. A webhook cannot
 * tell one from the other (longhorn.md §3).
 */
export function isLonghorn(actor: Actor, longhornNamespace: string): boolean {
  return actor.username === `system:serviceaccount:${longhornNamespace}:longhorn-service-account`
}
