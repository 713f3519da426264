import type { ClusterObject, User } from '../../cluster-client.ts'
import type { JsonObject } from '../../json.ts'
import type { ResourceFacts } from '../columns.ts'

/** One write as webhooks are asked about it, decoded, complete and valid. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly resource: ResourceFacts
  readonly subresource: 'status' | undefined
  /** Empty for a cluster-scoped object. */
  readonly namespace: string
  /** Empty for each object of a deletecollection: the name stands in `oldObject` only (kubernetes.md, The request). */
  readonly name: string
  /** Undefined for DELETE. */
  readonly object: ClusterObject | undefined
  /** Undefined for CREATE. */
  readonly oldObject: ClusterObject | undefined
  readonly user: User
  readonly dryRun: boolean
  /** CreateOptions, UpdateOptions or DeleteOptions as the client sent them. */
  readonly options: JsonObject
}
