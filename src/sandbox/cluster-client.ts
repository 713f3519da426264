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
