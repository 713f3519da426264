import { createHash } from 'node:crypto'
import { group, type Kind, kinds, version } from '../../longhorn/kinds.ts'
import type { ResourceName, User } from '../cluster-client.ts'

/** `apiVersion` of every object of Longhorn. */
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

/** Core Events: what `kubectl describe` shows under an object. */
export const events: ResourceName = { group: '', version: 'v1', plural: 'events' }

/** Core Namespaces, cluster-scoped. */
export const namespaces: ResourceName = { group: '', version: 'v1', plural: 'namespaces' }

function named(kind: Kind): ResourceName {
  return { group, version, plural: kinds[kind].plural }
}

/**
 * Gives a disk its UUID. On a real disk it stands in `longhorn-disk.cfg` on the disk itself, so a disk that is removed
 * and added again keeps it: the same node and path must give the same UUID (longhorn.md §2 o7).
 */
export type DiskUUIDs = (node: string, path: string) => string

/** A UUID made from node and path alone, so that every run of the sandbox has the same ones. */
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
 * Who every writer of Longhorn is: the REST API, so each click in the UI, and all controllers (longhorn.md §3). A
 * webhook cannot tell one from the other by identity.
 *
 * @param namespace Longhorn's own namespace
 */
export function longhornServiceAccount(namespace: string): User {
  return {
    username: `system:serviceaccount:${namespace}:longhorn-service-account`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  }
}
