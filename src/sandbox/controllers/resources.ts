import { createHash } from 'node:crypto'
import { group, type Kind, kinds, version } from '../../longhorn/kinds.ts'
import type { ResourceName, User } from '../cluster-client.ts'

/** `apiVersion` of Longhorn's objects. */
export const apiVersion = `${group}/${version}`

/** Longhorn's own resources, by kind. */
export const resources: Readonly<Record<Kind, ResourceName>> = {
  Node: named('Node'),
  BackingImage: named('BackingImage'),
  BackingImageDataSource: named('BackingImageDataSource'),
  BackingImageManager: named('BackingImageManager'),
  Replica: named('Replica'),
  Setting: named('Setting'),
}

/** Core Events: `kubectl describe` shows them under an object. */
export const events: ResourceName = { group: '', version: 'v1', plural: 'events' }

/** Core Pods. */
export const pods: ResourceName = { group: '', version: 'v1', plural: 'pods' }

/** Core Namespaces, cluster-scoped. */
export const namespaces: ResourceName = { group: '', version: 'v1', plural: 'namespaces' }

function named(kind: Kind): ResourceName {
  return { group, version, plural: kinds[kind].plural }
}

/**
 * Gives a disk its UUID. A real disk has it in its `longhorn-disk.cfg`, so a disk that is removed and added
 * again keeps it. The same node and path must therefore give the same UUID (longhorn.md §2 o7).
 */
export type DiskUUIDs = (node: string, path: string) => string

/** A UUID from node and path alone, so that every run of the sandbox has the same ones. */
export const diskUUIDFromPath: DiskUUIDs = (node, path) => {
  const hex = createHash('sha256').update(`${node}:${path}`).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}

/**
 * The account of every writer of Longhorn: the REST API, and so each click in the UI, and all controllers
 * (longhorn.md §3). A webhook cannot tell them apart.
 *
 * @param namespace Longhorn's own namespace
 */
export function longhornServiceAccount(namespace: string): User {
  return {
    username: `system:serviceaccount:${namespace}:longhorn-service-account`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  }
}
