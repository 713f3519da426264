import type { Ended } from '../commands/holdfast.ts'
import { uuid } from '../fixtures/raw-objects.ts'
import type { Cluster } from './cluster.ts'

/** Longhorn's controllers, which get no answer that makes kubectl retry (longhorn.md §3). */
export const longhorn = ['--as', 'system:serviceaccount:longhorn-system:longhorn-service-account']

/** A merge patch of one of Longhorn's objects, through kubectl. */
export function patch(
  cluster: Cluster,
  kind: string,
  name: string,
  body: object,
  ...flags: readonly string[]
): Promise<Ended> {
  const resource = kind.includes('.') ? kind : `${kind}.longhorn.io`
  const merge = ['--type', 'merge', '-p', JSON.stringify(body)]
  return cluster.kubectl(['patch', resource, name, '-n', 'longhorn-system', ...merge, ...flags])
}

/** Asks for the eviction of one disk. */
export function evict(
  cluster: Cluster,
  node: string,
  disk: string,
  ...flags: readonly string[]
): Promise<Ended> {
  const disks = { [disk]: { allowScheduling: false, evictionRequested: true } }
  return patch(cluster, 'nodes', node, { spec: { disks } }, ...flags)
}

/** Takes the flag of one disk down again. */
export function calm(
  cluster: Cluster,
  node: string,
  disk: string,
  ...flags: readonly string[]
): Promise<Ended> {
  const disks = { [disk]: { allowScheduling: true, evictionRequested: false } }
  return patch(cluster, 'nodes', node, { spec: { disks } }, ...flags)
}

/** Asks for the clean-up of one copy. */
export function cleanUp(
  cluster: Cluster,
  image: string,
  disk: string,
  ...flags: readonly string[]
): Promise<Ended> {
  return patch(
    cluster,
    'backingimages',
    image,
    { spec: { diskFileSpecMap: { [uuid(disk)]: null } } },
    ...flags,
  )
}

/** The output of kubectl for an allowed request that waited: a wait of less than a second brings no warning. */
export const onlyAboutTheWait = /^(Warning: .* waited \d+s for this: .*\n)?$/
