/** An API object as JSON, with the metadata of every kind. */
export interface ClusterObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly deletionTimestamp?: string
    readonly finalizers?: readonly string[]
    readonly annotations?: Readonly<Record<string, string>>
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** One change of an object. */
export interface ObjectEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** The stored object; for a deleted one its last state. */
  readonly object: ClusterObject
}

/** The receiver of a watch. */
export interface WatchSink {
  /** The next change, in the order of the commits. */
  changed(event: ObjectEvent): void
  /** The API server has stopped, and the watch has ended with it. */
  broken(): void
}

/** An open watch, and the objects at its start. */
export interface OpenWatch {
  readonly objects: readonly ClusterObject[]
  /** Ends it; the sink then gets no more calls. */
  close(): void
}

/**
 * Lists the objects of a resource in a namespace and reports each change from then on, so it misses none.
 *
 * @throws {@link ApiError} 503 while the API server is down
 */
export type Watch = (resource: ResourceName, namespace: string, sink: WatchSink) => OpenWatch

/** Names a resource as URLs do: `{ group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' }`. */
export interface ResourceName {
  readonly group: string
  readonly version: string
  readonly plural: string
}

/** The user, as in an AdmissionReview's `userInfo`. */
export interface User {
  readonly username: string
  readonly groups: readonly string[]
}

/** A `metav1.Status` of failure: the API server's answer instead of the object. */
export interface FailureStatus {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Thrown by {@link ClusterClient} if the API server refuses; a webhook's denial arrives here too. */
export class ApiError extends Error {
  readonly status: FailureStatus

  constructor(status: FailureStatus) {
    super(status.message)
    this.name = 'ApiError'
    this.status = status
  }
}

/**
 * The embedded cluster's API from within the process, for one user. Every call takes the way of an HTTP
 * request: validation, resourceVersion check, admission webhooks, then the store.
 */
export interface ClusterClient {
  get(resource: ResourceName, namespace: string, name: string): Promise<ClusterObject | undefined>
  list(resource: ResourceName, namespace: string): Promise<readonly ClusterObject[]>
  create(resource: ResourceName, object: ClusterObject): Promise<ClusterObject>
  /**
   * Replaces all but `status`.
   *
   * @throws {@link ApiError} 409 if `resourceVersion` is given and not the newest
   */
  update(resource: ResourceName, object: ClusterObject): Promise<ClusterObject>
  /** Replaces only `status`; it does not call webhooks that are registered for the main resource. */
  updateStatus(resource: ResourceName, object: ClusterObject): Promise<ClusterObject>
  delete(resource: ResourceName, namespace: string, name: string): Promise<void>
}
