import type { BackingImage } from '../../src/longhorn/backing-image.ts'
import type { Node } from '../../src/longhorn/node.ts'
import type { Scenario } from './scenario.ts'
import type { Store } from './store.ts'

/**
 * The crash predicate, written down once more straight from longhorn.md §2, on purpose without a line of the code
 * under test: on A any disk of a node with a flag, on B the disks that are wanted empty.
 *
 * A manager reads nodes and images through two caches that lag, and a sync holds one node while it works. So what it
 * looks at is any version of the node that was current lately, and beside it any such version of an image.
 *
 * @param since versions that were replaced by then are in nobody's hands any more; in model milliseconds
 */
export function crashing(store: Store, profile: Scenario['profile'], since: number): string[] {
  if (profile === 'C') return []
  const pending = new Set(store.versions('BackingImage', since).flatMap(pendingOf))
  const nodes = store.versions('Node', since)
  const found = nodes.flatMap((node) => {
    const names = [...node.spec.disks.keys()]
    const gate =
      node.spec.evictionRequested || names.some((name) => node.spec.disks.get(name)?.evictionRequested)
    const meets = names.filter((name) => {
      const uuid = uuidOf(node, name) ?? foundOut(nodes, node, name)
      const want = node.spec.evictionRequested || node.spec.disks.get(name)?.evictionRequested === true
      return uuid !== undefined && pending.has(uuid) && (profile === 'A' ? gate : want)
    })
    return meets.length > 0 ? [`${node.metadata.name} crashes: a clean-up is pending on ${meets.join()}`] : []
  })
  return [...new Set(found)]
}

function uuidOf({ status }: Node, disk: string): string | undefined {
  return status.diskStatus.get(disk)?.diskUUID
}

/** A sync goes on with the node that it began with, and with the UUID that it finds out itself. */
function foundOut(nodes: readonly Node[], { metadata }: Node, disk: string): string | undefined {
  return nodes
    .filter((each) => each.metadata.name === metadata.name)
    .map((each) => uuidOf(each, disk))
    .find((uuid) => uuid !== undefined)
}

function pendingOf({ spec, status }: BackingImage): string[] {
  return [...status.diskFileStatusMap.keys()].filter((uuid) => !spec.diskFileSpecMap.has(uuid))
}

/** The images that have a copy which stays: eviction deletes all evicting copies if none is ready. */
export function safeImages(store: Store): Set<string> {
  const nodes = store.all('Node')
  const safe = store.all('BackingImage').filter((image) => {
    const copies = [...image.spec.diskFileSpecMap.keys()].map((uuid) => ({
      uuid,
      state: image.status.diskFileStatusMap.get(uuid)?.state,
    }))
    if (copies.some(({ state }) => state === 'ready')) return true
    return copies.some(({ uuid, state }) => state === 'unknown' && !nodes.some((node) => empties(node, uuid)))
  })
  return new Set(safe.map(({ metadata }) => metadata.name))
}

function empties({ spec, status }: Node, uuid: string): boolean {
  return [...spec.disks].some(
    ([name, { evictionRequested }]) =>
      status.diskStatus.get(name)?.diskUUID === uuid && (spec.evictionRequested || evictionRequested),
  )
}
