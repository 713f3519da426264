import type { User } from '../cluster-client.ts'

/**
 * Who every writer of Longhorn is: the REST API, so each click in the UI, and all controllers (longhorn.md §3). A
 * webhook cannot tell one from the other by identity.
 *
 * @param namespace Longhorn's own namespace
 */
export function longhornServiceAccount(namespace: string): User {
  return {
    username: `system:serviceaccount:${namespace}:longhorn-service-account`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  }
}
