/** An API object as JSON, with the metadata every kind has. */
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
  /** What is stored now; of a deleted object its last state. */
  readonly object: ClusterObject
}

/** Where a watch tells what happens. */
export interface WatchSink {
  /** The next change, in the order of the commits. */
  changed(event: ObjectEvent): void
  /** The API server is gone, and the watch with it: nothing more comes. */
  broken(): void
}

/** A watch that is open, and what there was when it was opened. */
export interface OpenWatch {
  readonly objects: readonly ClusterObject[]
  /** Ends it; the sink is then not called any more. */
  close(): void
}

/**
 * Lists the objects of a resource in a namespace and tells each change from then on, so nothing is missed between.
 *
 * @throws {@link ApiError} 503 while the API server is away
 */
export type Watch = (resource: ResourceName, namespace: string, sink: WatchSink) => OpenWatch

/** Names a resource as URLs do: `{ group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' }`. */
export interface ResourceName {
  readonly group: string
  readonly version: string
  readonly plural: string
}

/** Who asks, as it stands in an AdmissionReview's `userInfo`. */
export interface User {
  readonly username: string
  readonly groups: readonly string[]
}

/** A `metav1.Status` of failure: what the API server answers instead of the object. */
export interface FailureStatus {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** Thrown by {@link ClusterClient} when the API server refuses; a webhook's denial arrives here too. */
export class ApiError extends Error {
  readonly status: FailureStatus

  constructor(status: FailureStatus) {
    super(status.message)
    this.name = 'ApiError'
    this.status = status
  }
}

/**
 * The embedded cluster's API from within the process, for one user. Every call goes the way of an HTTP request:
 * validation, resourceVersion check, admission webhooks, then the store.
 */
export interface ClusterClient {
  get(resource: ResourceName, namespace: string, name: string): Promise<ClusterObject | undefined>
  list(resource: ResourceName, namespace: string): Promise<readonly ClusterObject[]>
  create(resource: ResourceName, object: ClusterObject): Promise<ClusterObject>
  /** Replaces all but `status`. @throws {@link ApiError} 409 when `resourceVersion` is given and not the newest */
  update(resource: ResourceName, object: ClusterObject): Promise<ClusterObject>
  /** Replaces only `status`; admission webhooks registered for the main resource are not called. */
  updateStatus(resource: ResourceName, object: ClusterObject): Promise<ClusterObject>
  delete(resource: ResourceName, namespace: string, name: string): Promise<void>
}
