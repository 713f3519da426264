import type { BackingImage, BackingImageDataSource } from '../longhorn/backing-image.ts'
import type { Node } from '../longhorn/node.ts'

/** The kinds whose writes are judged. */
export type JudgedObject = Node | BackingImage | BackingImageDataSource

/** The names of those kinds. */
export type JudgedKind = JudgedObject['kind']

/** The door of a request. */
type Door = 'webhook' | 'proxy-kubernetes' | 'proxy-longhorn' | 'check'

/** The user, as the API server knows it. */
export interface Actor {
  readonly username: string
  readonly groups: readonly string[]
}

/** The parts of every change besides its objects. */
export interface Request {
  /** Names the request in records; one client request may be reviewed many times under new ids. */
  readonly uid: string
  readonly actor: Actor
  readonly dryRun: boolean
  readonly door: Door
  /** When the gate was asked, in milliseconds since the epoch; absent before. */
  readonly askedAt?: number
}

/** An object appears, changes, or goes. */
export type Step<T extends JudgedObject> =
  | { readonly operation: 'CREATE'; readonly before?: never; readonly after: T }
  | { readonly operation: 'UPDATE'; readonly before: T; readonly after: T }
  | { readonly operation: 'DELETE'; readonly before: T; readonly after?: never }

/** One requested write to a judged kind, normalised. */
type ChangeOf<T extends JudgedObject> = {
  readonly kind: T['kind']
  readonly request: Request
} & Step<T>

/** A requested write to a Longhorn node. */
export type NodeChange = ChangeOf<Node>

/** A requested write to a backing image. */
export type BackingImageChange = ChangeOf<BackingImage>

/** A requested write to a backing image data source. */
export type DataSourceChange = ChangeOf<BackingImageDataSource>

/** One requested write, whatever its door. */
export type Change = NodeChange | BackingImageChange | DataSourceChange

/** The name of the changed object. */
export function nameOf(change: Change): string {
  return (change.after ?? change.before).metadata.name
}

/**
 * The controllers that delete objects on purpose: the namespace controller, when a namespace ends, and the
 * garbage collector, when an owner is gone. Refusing them prevents nothing that a person could still change,
 * and leaves the namespace in `Terminating` for ever. Without `--use-service-account-credentials` both act as
 * the controller manager.
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
