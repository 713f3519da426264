import type { BackingImage } from '../../src/longhorn/backing-image.ts'
import type { Node } from '../../src/longhorn/node.ts'
import type { Scenario } from './scenario.ts'
import type { Store } from './store.ts'

/** A manager that crashes at its next sync, and the image whose clean-up it meets. */
export interface Crash {
  readonly what: string
  readonly node: string
  readonly image: string
}

/**
 * The crash predicate, written down once more straight from longhorn.md §2, on purpose without a line of the code
 * under test: on A any disk of a node with a flag, on B the disks that are wanted empty.
 *
 * A manager reads nodes and images through two caches that lag, and a sync holds one node while it works. So what it
 * looks at is any version of the node that was current lately, and beside it any such version of an image. Whether the
 * node is lost makes no difference: it can come back, with caches of the past.
 *
 * @param since no manager still reads a version that was replaced by then; in model milliseconds
 */
export function crashing(store: Store, profile: Scenario['profile'], since: number): Crash[] {
  if (profile === 'C') return []
  const pending = new Map<string, Set<string>>()
  for (const image of store.versions('BackingImage', since)) {
    for (const uuid of pendingOf(image))
      pending.set(uuid, new Set([...(pending.get(uuid) ?? []), image.metadata.name]))
  }
  if (pending.size === 0) return []
  const nodes = store.versions('Node', since)
  const found = new Map<string, Crash>()
  for (const version of nodes) {
    const { name: node } = version.metadata
    const disks = [...version.spec.disks]
    const gate =
      version.spec.evictionRequested || disks.some(([, { evictionRequested }]) => evictionRequested)
    if (!gate) continue
    for (const [disk, { evictionRequested }] of disks) {
      if (profile === 'B' && !version.spec.evictionRequested && !evictionRequested) continue
      const uuid = uuidOf(version, disk) ?? foundOut(nodes, version, disk)
      const images = uuid === undefined ? undefined : pending.get(uuid)
      for (const image of images ?? []) {
        const what = `${node} crashes: a clean-up is pending on ${disk}`
        found.set(`${what} ${image}`, { what, node, image })
      }
    }
  }
  return [...found.values()]
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

/** The best copy of an image: none usable, a usable one on a node that is lost, or one on a node that is not. */
export type Worth = 0 | 1 | 2

/** The best copy of each image. @param now model milliseconds */
export function worths(store: Store, now: number): Map<string, Worth> {
  const nodes = store.all('Node')
  return new Map(store.all('BackingImage').map((image) => [image.metadata.name, worthOf(image, nodes, now)]))
}

/** A ready copy stays while a node has its disk. One in `unknown` goes too once the disk is emptied (longhorn.md §4). */
function worthOf({ spec, status }: BackingImage, nodes: readonly Node[], now: number): Worth {
  let most: Worth = 0
  for (const uuid of spec.diskFileSpecMap.keys()) {
    const state = status.diskFileStatusMap.get(uuid)?.state
    if (state !== 'ready' && state !== 'unknown') continue
    const owners = nodes.filter((node) => has(node, uuid))
    if (owners.length === 0 || (state === 'unknown' && owners.some((node) => empties(node, uuid)))) continue
    if (owners.some((node) => !isLost(node, now))) return 2
    most = 1
  }
  return most
}

function has({ spec, status }: Node, uuid: string): boolean {
  return [...spec.disks.keys()].some((disk) => status.diskStatus.get(disk)?.diskUUID === uuid)
}

function empties({ spec, status }: Node, uuid: string): boolean {
  return [...spec.disks].some(
    ([name, { evictionRequested }]) =>
      status.diskStatus.get(name)?.diskUUID === uuid && (spec.evictionRequested || evictionRequested),
  )
}

/** So long a node has to be down before it counts as lost, unless Kubernetes has let go of it. */
const lostAfterMs = 600_000

function isLost({ status: { notReady } }: Node, now: number): boolean {
  if (!notReady) return false
  const { reason, since = now } = notReady
  return reason === 'KubernetesNodeGone' || now - since > lostAfterMs
}
