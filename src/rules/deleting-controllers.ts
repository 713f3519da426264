import type { Actor } from './change.ts'

/**
 * Who deletes what is meant to go: the namespace controller, when a namespace ends, and the garbage collector, when an
 * owner is gone. Refusing them stops nothing that a person could still change, and leaves the namespace in `Terminating`
 * for ever. Without `--use-service-account-credentials` both act as the controller manager.
 */
export const deletingControllers: readonly string[] = [
  'system:serviceaccount:kube-system:namespace-controller',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:kube-controller-manager',
]

/** True for one of the {@link deletingControllers}. */
export function isDeletingController({ username }: Pick<Actor, 'username'>): boolean {
  return deletingControllers.includes(username)
}
