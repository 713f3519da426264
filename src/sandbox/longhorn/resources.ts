import { group, kinds, version, type Kind } from '../../longhorn/kinds.ts'
import type { ResourceName } from '../cluster-client.ts'

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
