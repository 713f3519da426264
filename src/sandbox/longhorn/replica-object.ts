import { createHash } from 'node:crypto'
import type { ClusterObject } from '../cluster-client.ts'
import { flag, object, text } from '../json.ts'

/** A `replicas.longhorn.io` object as the controllers look at it. */
export interface ReplicaObject {
  readonly name: string
  readonly volumeName: string
  readonly nodeID: string
  /** The UUID of its disk. */
  readonly diskID: string
  /** Empty for a volume without a backing image. */
  readonly backingImage: string
  readonly evictionRequested: boolean
  /** False while it is being rebuilt. */
  readonly healthy: boolean
  readonly terminating: boolean
  readonly raw: ClusterObject
}

/** Reads a replica; what is missing is false or empty. */
export function readReplica(raw: ClusterObject): ReplicaObject {
  const spec = object(raw.spec)
  return {
    name: raw.metadata.name,
    volumeName: text(spec.volumeName),
    nodeID: text(spec.nodeID),
    diskID: text(spec.diskID),
    backingImage: text(spec.backingImage),
    evictionRequested: flag(spec.evictionRequested),
    healthy: text(spec.healthyAt) !== '',
    terminating: raw.metadata.deletionTimestamp !== undefined,
    raw,
  }
}

/** The name of the replica that takes another one's place: told from its name alone, so it is made only once. */
export function replacementName(replica: ReplicaObject): string {
  const hash = createHash('sha256').update(replica.name).digest('hex').slice(0, 8)
  return `${replica.volumeName}-r-${hash}`
}

/** The labels that Longhorn sets whenever it writes a replica; empty values for what it does not have. */
export function replicaLabels(backingImage: string, diskUUID: string): Record<string, string> {
  return { 'longhorn.io/backing-image': backingImage, longhorndiskuuid: diskUUID }
}
