import type { ClusterObject } from '../cluster-client.ts'
import { object, text } from '../json.ts'
import type { Disk } from './node-object.ts'
import { apiVersion } from './resources.ts'

/** A `backingimagemanagers.longhorn.io` object as the controllers look at it. */
export interface BackingImageManagerObject {
  readonly name: string
  readonly nodeID: string
  readonly diskUUID: string
  /** While it does not run, files on its disk neither come nor go. */
  readonly running: boolean
}

/** Reads a backing image manager; what is missing is false or empty. */
export function readBackingImageManager(raw: ClusterObject): BackingImageManagerObject {
  const spec = object(raw.spec)
  return {
    name: raw.metadata.name,
    nodeID: text(spec.nodeID),
    diskUUID: text(spec.diskUUID),
    running: object(raw.status).currentState === 'running',
  }
}

/** The backing image manager of a disk, to be created. */
export function backingImageManager(
  disk: Pick<Disk, 'node' | 'uuid' | 'path'>,
  namespace: string,
): ClusterObject {
  return {
    apiVersion,
    kind: 'BackingImageManager',
    metadata: { name: `backing-image-manager-${disk.uuid.slice(0, 8)}`, namespace },
    spec: {
      image: 'longhornio/backing-image-manager',
      nodeID: disk.node,
      diskUUID: disk.uuid,
      diskPath: disk.path,
      backingImages: {},
    },
  }
}
