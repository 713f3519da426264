import type { ClusterObject } from '../cluster-client.ts'
import { entries, object } from '../json.ts'

/** What the links of an answer begin with: `http://longhorn.example`. */
export type Origin = string

/** A collection, which knows what it is of even when it is empty. */
export function collection(type: 'node' | 'backingImage', data: readonly object[], self: string): object {
  return { type: 'collection', resourceType: type, links: { self }, data, actions: {} }
}

/** A node, the disks of spec and status as one. */
export function restNode({ metadata: { name }, spec, status }: ClusterObject, origin: Origin): object {
  const self = `${origin}/v1/nodes/${name}`
  const { allowScheduling = false, evictionRequested = false, tags = [], disks } = object(spec)
  const diskStatus = entries(object(status).diskStatus)
  const merged = [...entries(disks)].map(
    ([disk, wanted]) => [disk, { ...wanted, ...diskStatus.get(disk) }] as const,
  )
  return {
    id: name,
    type: 'node',
    name,
    links: { self },
    actions: { diskUpdate: `${self}?action=diskUpdate` },
    allowScheduling,
    evictionRequested,
    tags,
    conditions: object(status).conditions ?? [],
    disks: Object.fromEntries(merged),
  }
}

/** A backing image. Its `diskFileStatusMap` is a union of spec and status: it cannot show what is pending (longhorn.md §5). */
export function restImage({ metadata: { name }, spec, status }: ClusterObject, origin: Origin): object {
  const self = `${origin}/v1/backingimages/${name}`
  const { minNumberOfCopies = 1, sourceType = '', diskFileSpecMap } = object(spec)
  const planned = [...entries(diskFileSpecMap)].map(
    ([uuid]) => [uuid, { state: 'pending', progress: 0, message: '' }] as const,
  )
  const files = Object.fromEntries([...planned, ...entries(object(status).diskFileStatusMap)])
  return {
    id: name,
    type: 'backingImage',
    name,
    links: { self },
    actions: {
      backingImageCleanup: `${self}?action=backingImageCleanup`,
      updateMinNumberOfCopies: `${self}?action=updateMinNumberOfCopies`,
    },
    minNumberOfCopies,
    sourceType,
    diskFileStatusMap: files,
  }
}
