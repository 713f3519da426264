import type { BackingImage } from '../../src/longhorn/backing-image.ts'
import type { BackingImageDataSource } from '../../src/longhorn/backing-image-data-source.ts'
import type { DiskSpec, Node } from '../../src/longhorn/node.ts'
import type { Actor, Change } from '../../src/rules/change.ts'
import { admin, longhornAccount, parsed, request } from '../fixtures/cluster.ts'
import { rawSource, uuid } from '../fixtures/raw-objects.ts'
import type { Store } from './store.ts'

/** A wish that a client has, as a function of what is stored. */
export interface Wish {
  /** In a word or two, for traces. */
  readonly what: string
  /** The change as it would be asked now; undefined if there is nothing to change any more. */
  readonly change: (store: Store, uid: string) => Change | undefined
  readonly dryRun: boolean
  /** True if it only clears flags. */
  readonly clears: boolean
  /** True if it comes through a proxy before Longhorn's REST API, in a cluster without the webhook. */
  readonly proxied: boolean
}

interface How {
  readonly actor?: Actor
  readonly dryRun?: boolean
  readonly door?: 'webhook' | 'proxy-longhorn'
}

function wish(
  what: string,
  change: Wish['change'],
  { dryRun = false, door }: How = {},
  clears = false,
): Wish {
  return {
    what: dryRun ? `${what} (dry run)` : what,
    change,
    dryRun,
    clears,
    proxied: door === 'proxy-longhorn',
  }
}

/** Requests the eviction of a disk (o1, o6). */
export function evict(node: string, disk: string, how: How = {}): Wish {
  const flagged = (spec: DiskSpec): DiskSpec => ({ ...spec, allowScheduling: false, evictionRequested: true })
  return wish(`evict ${disk} of ${node}`, toNode(node, changeDisk(disk, flagged), how), how)
}

/** Takes back every eviction of a node. */
export function clear(node: string): Wish {
  const calm = (before: Node): Node => {
    const disks = new Map(
      [...before.spec.disks].map(([name, spec]) => [name, { ...spec, evictionRequested: false }]),
    )
    return { ...before, spec: { ...before.spec, evictionRequested: false, disks } }
  }
  return wish(`clear ${node}`, toNode(node, calm, {}), {}, true)
}

/** Adds a disk to a node, whose UUID is not known there yet (o7). */
export function join(node: string, disk: string): Wish {
  return wish(
    `add ${disk} to ${node}`,
    toNode(
      node,
      (before) => {
        const [spec] = before.spec.disks.values()
        if (!spec || before.spec.disks.has(disk)) return before
        return { ...before, spec: { ...before.spec, disks: new Map([...before.spec.disks, [disk, spec]]) } }
      },
      {},
    ),
  )
}

/** Removes copies from spec: a person, or Longhorn itself (o2, o3, o4, o9). */
export function cleanUp(image: string, disks: readonly string[], how: How = {}): Wish {
  const change: Wish['change'] = (store, uid) => {
    const before = store.find('BackingImage', image)
    const gone = disks.map(uuid)
    if (!before || !gone.some((key) => before.spec.diskFileSpecMap.has(key))) return undefined
    const diskFileSpecMap = new Map(before.spec.diskFileSpecMap)
    for (const key of gone) diskFileSpecMap.delete(key)
    const after: BackingImage = { ...before, spec: { ...before.spec, diskFileSpecMap } }
    return { kind: 'BackingImage', operation: 'UPDATE', before, after, request: asked(uid, how) }
  }
  const who = how.actor === longhornAccount ? 'Longhorn cleans up' : 'clean up'
  return wish(`${who} ${image} on ${disks.join()}`, change, how)
}

/** Longhorn itself removes a copy: at the end of an eviction, or because it is unused (o3, o4). */
export function longhornCleansUp(image: string, disks: readonly string[]): Wish {
  return cleanUp(image, disks, { actor: longhornAccount })
}

/** The first file of a new image is put on a disk (o5). */
export function place(image: string, disk: string): Wish {
  const change: Wish['change'] = (store, uid) => {
    if (store.find('BackingImageDataSource', image)) return undefined
    const after: BackingImageDataSource = parsed('BackingImageDataSource', {
      ...rawSource(image, disk, false),
      metadata: { name: image, uid: `uid-source-${image}` },
    })
    return {
      kind: 'BackingImageDataSource',
      operation: 'CREATE',
      after,
      request: asked(uid, { actor: longhornAccount }),
    }
  }
  return wish(`first file of ${image} on ${disk}`, change)
}

function toNode(name: string, turn: (before: Node) => Node, how: How): Wish['change'] {
  return (store, uid) => {
    const before = store.find('Node', name)
    if (!before) return undefined
    const after = turn(before)
    if (after === before) return undefined
    return { kind: 'Node', operation: 'UPDATE', before, after, request: asked(uid, how) }
  }
}

function changeDisk(disk: string, turn: (spec: DiskSpec) => DiskSpec): (before: Node) => Node {
  return (before) => {
    const spec = before.spec.disks.get(disk)
    if (!spec || spec.evictionRequested === turn(spec).evictionRequested) return before
    return { ...before, spec: { ...before.spec, disks: new Map([...before.spec.disks, [disk, turn(spec)]]) } }
  }
}

function asked(uid: string, { actor = admin, dryRun = false, door = 'webhook' }: How) {
  return request({ uid, actor, dryRun, door })
}
