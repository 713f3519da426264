import type { DiskUUIDs } from './disk-uuid.ts'
import { defaultOptions } from './options.ts'

/** A disk of the sandbox as people name it: `node-1/disk-2`. */
export type DiskName = `${string}/${string}`

/** An image that is there from the beginning. */
export interface SeedImage {
  readonly name: string
  /** Where it has a ready copy. */
  readonly copies: readonly DiskName[]
  readonly minNumberOfCopies: number
}

/** A replica that is there from the beginning. */
export interface SeedReplica {
  readonly volume: string
  readonly disk: DiskName
  /** The name of its backing image; absent for a volume without one. */
  readonly image?: string
}

/** What a sandbox cluster begins with. */
export interface SeedOptions {
  readonly namespace: string
  /** How many nodes, named `node-1`, `node-2`, … */
  readonly nodes: number
  /** How many disks each node has, named `disk-1`, `disk-2`, … */
  readonly disksPerNode: number
  /** The value of the setting `current-longhorn-version`. */
  readonly release: string
  readonly images: readonly SeedImage[]
  readonly replicas: readonly SeedReplica[]
  /** Copies that one node may be receiving at a time; 0 switches replenishing off. */
  readonly replenishLimit: number
  /** Minutes after which an unused copy is cleaned up. */
  readonly cleanupWaitMinutes: number
  readonly diskUUID: DiskUUIDs
}

/** Three nodes, two images with a copy on two of them, one volume that uses one: enough for every ordering. */
export const defaultSeed: SeedOptions = {
  namespace: defaultOptions.namespace,
  nodes: 3,
  disksPerNode: 2,
  release: 'v1.8.0',
  images: [
    { name: 'ubuntu-22.04', copies: ['node-1/disk-1', 'node-2/disk-1'], minNumberOfCopies: 1 },
    { name: 'debian-12', copies: ['node-1/disk-2', 'node-3/disk-1'], minNumberOfCopies: 1 },
  ],
  replicas: [{ volume: 'pvc-web', disk: 'node-2/disk-1', image: 'ubuntu-22.04' }],
  replenishLimit: 5,
  cleanupWaitMinutes: 60,
  diskUUID: defaultOptions.diskUUID,
}
