import type { BackingImage, BackingImageDataSource } from '../../src/longhorn/backing-image.ts'
import type { DiskSpec, Node } from '../../src/longhorn/node.ts'
import type { Actor, Change } from '../../src/rules/change.ts'
import { admin, longhornAccount, parsed, request } from '../fixtures/cluster.ts'
import { rawSource, uuid } from '../fixtures/raw-objects.ts'
import type { ModelObject, Store } from './store.ts'
import { beginning } from './time.ts'

/** A wish of a client, as a function of the stored objects. */
export interface Wish {
  /** In a word or two, for traces. */
  readonly what: string
  /** The change as the client would request it now; undefined if nothing is left to change. */
  readonly change: (store: Store, uid: string) => Change | undefined
  readonly dryRun: boolean
  /** True if it only clears flags. */
  readonly clears: boolean
  /** True if it comes through a proxy before Longhorn's REST API, in a cluster without the webhook. */
  readonly proxied: boolean
  /** True if an exception is asked for: the change is admitted knowingly. */
  readonly overrides: boolean
  /** When it is asked at the earliest; whenever, if absent. */
  readonly isDue?: (store: Store) => boolean
  /** False for a request that is answered at once: a dry run, an account that must not wait, a creation without proof. */
  readonly waits: boolean
}

interface How {
  readonly actor?: Actor
  readonly dryRun?: boolean
  readonly overrides?: boolean
  readonly door?: 'webhook' | 'proxy-longhorn'
}

/** An account that the operator calls impatient, beside Longhorn's own. */
export const harvester: Actor = {
  username: 'system:serviceaccount:harvester-system:harvester',
  groups: ['system:serviceaccounts', 'system:authenticated'],
}

function wish(
  what: string,
  change: Wish['change'],
  { dryRun = false, door, actor = admin, overrides = false }: How = {},
  { clears = false, creates = false } = {},
): Wish {
  const proxied = door === 'proxy-longhorn'
  const who = actor === admin ? '' : `${actor === longhornAccount ? 'Longhorn' : 'Harvester'}: `
  return {
    what: `${who}${what}${dryRun ? ' (dry run)' : ''}${overrides ? ' (override)' : ''}`,
    change,
    dryRun,
    clears,
    proxied,
    overrides,
    waits: !dryRun && actor === admin && (!creates || proxied),
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
  return wish(`clear ${node}`, toNode(node, calm, {}), {}, { clears: true })
}

/** Takes a disk from a node. */
export function removeDisk(node: string, disk: string, how: How = {}): Wish {
  const without = (before: Node): Node => {
    if (!before.spec.disks.has(disk)) return before
    const disks = new Map([...before.spec.disks].filter(([name]) => name !== disk))
    return { ...before, spec: { ...before.spec, disks } }
  }
  return wish(`remove ${disk} from ${node}`, toNode(node, without, how), how)
}

/** When an override of a deletion ends: as far ahead as the guard takes it. */
const noteEnds = new Date(beginning + 60 * 60_000).toISOString()

/** Deletes a node with all its disks. An override was written on it as it is now, and the API server has it. */
export function deleteNode(name: string, how: How = {}): Wish {
  const change: Wish['change'] = (store, uid) => {
    const stored = store.find('Node', name)
    if (!stored) return undefined
    const { metadata } = stored
    const note = `delete ${metadata.uid}/${metadata.generation} before ${noteEnds}: why`
    const override = how.overrides ? note : undefined
    const before = { ...stored, metadata: { ...metadata, override } }
    return { kind: 'Node', operation: 'DELETE', before, request: asked(uid, how) }
  }
  return wish(`delete ${name}`, change, how)
}

/** Creates the given node, with a new uid for each review. */
export function createNode(node: Node, how: How = {}): Wish {
  const { name } = node.metadata
  const change: Wish['change'] = (store, uid) => {
    if (store.find('Node', name)) return undefined
    const metadata = { ...node.metadata, uid: `uid-${name}-${uid}`, resourceVersion: '' }
    return { kind: 'Node', operation: 'CREATE', after: { ...node, metadata }, request: asked(uid, how) }
  }
  return wish(`create ${name}`, change, how, { creates: true })
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

/** The same once no node has the disk: it is in one machine at a time. */
export function move(node: string, disk: string): Wish {
  const isDue = (store: Store): boolean => !store.all('Node').some(({ spec }) => spec.disks.has(disk))
  return { ...join(node, disk), isDue }
}

/** Removes copies from spec: a person, or Longhorn itself (o2, o3, o4, o9). */
export function cleanUp(image: string, disks: readonly string[], how: How = {}): Wish {
  const change: Wish['change'] = (store, uid) => {
    const before = store.find('BackingImage', image)
    const gone = disks.map(uuid)
    if (!before || !gone.some((key) => before.spec.diskFileSpecMap.has(key))) return undefined
    const diskFileSpecMap = new Map(before.spec.diskFileSpecMap)
    for (const key of gone) diskFileSpecMap.delete(key)
    const cleaned: BackingImage = { ...before, spec: { ...before.spec, diskFileSpecMap } }
    const after = how.overrides ? overriding(cleaned, uid) : cleaned
    return { kind: 'BackingImage', operation: 'UPDATE', before, after, request: asked(uid, how) }
  }
  return wish(`clean up ${image} on ${disks.join()}`, change, how)
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
      metadata: { name: image, uid: `uid-source-${image}-${uid}` },
    })
    return {
      kind: 'BackingImageDataSource',
      operation: 'CREATE',
      after,
      request: asked(uid, { actor: longhornAccount }),
    }
  }
  return wish(`first file of ${image} on ${disk}`, change, { actor: longhornAccount }, { creates: true })
}

function toNode(name: string, turn: (before: Node) => Node, how: How): Wish['change'] {
  return (store, uid) => {
    const before = store.find('Node', name)
    if (!before) return undefined
    const turned = turn(before)
    if (turned === before) return undefined
    const after = how.overrides ? overriding(turned, uid) : turned
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

/** An annotation that is new in this very request. */
function overriding<T extends ModelObject>(object: T, uid: string): T {
  return { ...object, metadata: { ...object.metadata, override: `because of ${uid}` } }
}

function asked(uid: string, { actor = admin, dryRun = false, door = 'webhook' }: How) {
  return request({ uid, actor, dryRun, door })
}
