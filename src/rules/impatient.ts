import type { Actor } from './change.ts'
import type { Policy } from './policy.ts'

/**
 * True for a caller that must not be made to wait: a controller with few workers, which a held request or a Retry-After
 * would block. Longhorn's account is one always, and so is whom the operator names: a user, a group, or a service account
 * as `namespace/name`.
 */
export function isImpatient(
  actor: Actor,
  { longhornNamespace, impatient }: Pick<Policy, 'longhornNamespace' | 'impatient'>,
): boolean {
  return (
    isLonghorn(actor, longhornNamespace) ||
    impatient.some((name) => name === actor.username || actor.groups.includes(name) || isAccount(name, actor))
  )
}

function isAccount(name: string, { username }: Actor): boolean {
  const [namespace, account, ...more] = name.split('/')
  return more.length === 0 && username === `system:serviceaccount:${namespace}:${account}`
}

/**
 * True for Longhorn's own service account: the controllers, and everybody who clicks in its UI. A webhook cannot
 * tell one from the other (longhorn.md §3).
 */
export function isLonghorn(actor: Actor, longhornNamespace: string): boolean {
  return actor.username === `system:serviceaccount:${longhornNamespace}:longhorn-service-account`
}
