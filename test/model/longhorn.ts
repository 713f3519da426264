import { isAtWork, type Node } from '../../src/longhorn/node.ts'
import type { BackingImage } from '../../src/longhorn/backing-image.ts'
import type { Step } from './step.ts'
import type { Store } from './store.ts'

/**
 * The next possible steps of Longhorn's controllers: all write status, which is not reviewed.
 *
 * @param flaky whether a copy may turn unknown, or ready again
 */
export function* controllerSteps(store: Store, flaky: boolean): Generator<Step, void> {
  for (const image of store.all('BackingImage')) {
    yield* copySteps(store, image)
    if (flaky) yield* flakySteps(store, image)
  }
  yield* firstFileSteps(store)
  yield* syncSteps(store)
}

/** Files follow spec: made where it wants one, deleted where it does not. */
function* copySteps(store: Store, image: BackingImage): Iterable<Step> {
  const { name } = image.metadata
  const making = store.find('BackingImageDataSource', name)
  for (const uuid of image.status.diskFileStatusMap.keys()) {
    if (image.spec.diskFileSpecMap.has(uuid) || making?.spec.fileTransferred === false) continue
    yield step(`Longhorn deletes ${name} on ${uuid}`, () => store.put(withFile(image, uuid, undefined)))
  }
  for (const uuid of image.spec.diskFileSpecMap.keys()) {
    if (image.status.diskFileStatusMap.has(uuid)) continue
    yield step(`Longhorn makes ${name} on ${uuid}`, () => store.put(withFile(image, uuid, 'ready')))
  }
}

/** A node goes away for a moment, and its copies turn unknown. */
function* flakySteps(store: Store, image: BackingImage): Iterable<Step> {
  for (const [uuid, { state }] of image.status.diskFileStatusMap) {
    if (state !== 'ready' && state !== 'unknown') continue
    const other = state === 'ready' ? 'unknown' : 'ready'
    const what = `${image.metadata.name} on ${uuid} turns ${other}`
    yield step(what, () => store.putSuddenly(withFile(image, uuid, other)))
  }
}

/** Longhorn lists a first file in status before it lists it in spec (o5). */
function* firstFileSteps(store: Store): Iterable<Step> {
  for (const source of store.all('BackingImageDataSource')) {
    const { name } = source.metadata
    const { diskUUID, fileTransferred } = source.spec
    const image = store.find('BackingImage', name)
    if (fileTransferred || diskUUID === undefined || !image) continue
    if (!image.status.diskFileStatusMap.has(diskUUID)) {
      yield step(`the first file of ${name} begins on ${diskUUID}`, () =>
        store.put(withFile(image, diskUUID, 'in-progress')),
      )
    } else if (!image.spec.diskFileSpecMap.has(diskUUID)) {
      const diskFileSpecMap = new Map([
        ...image.spec.diskFileSpecMap,
        [diskUUID, { evictionRequested: false }] as const,
      ])
      const after = withFile({ ...image, spec: { ...image.spec, diskFileSpecMap } }, diskUUID, 'ready')
      yield step(`the first file of ${name} is made`, () => store.put(after))
    } else {
      const after = { ...source, spec: { ...source.spec, fileTransferred: true } }
      yield step(`the first file of ${name} is transferred`, () => store.put(after))
    }
  }
}

/** The node controller finds out the UUID of a disk that was added. A disk is in one machine: it is not found on two nodes at work. */
function* syncSteps(store: Store): Iterable<Step> {
  for (const node of store.all('Node')) {
    for (const disk of node.spec.disks.keys()) {
      if (node.status.diskStatus.get(disk)?.diskUUID !== undefined) continue
      const diskUUID = `uuid-${disk}`
      if (store.all('Node').some((other) => hasDisk(other, diskUUID))) continue
      const found = { diskUUID, ready: true, notReady: undefined, schedulable: true }
      const diskStatus = new Map([...node.status.diskStatus, [disk, found] as const])
      const after = { ...node, status: { ...node.status, diskStatus } }
      yield step(`Longhorn finds ${disk} on ${node.metadata.name}`, () => store.put(after))
    }
  }
}

function hasDisk(node: Node, uuid: string): boolean {
  const { spec, status } = node
  return [...spec.disks.keys()].some(
    (disk) => status.diskStatus.get(disk)?.diskUUID === uuid && isAtWork(node, disk),
  )
}

function withFile(image: BackingImage, uuid: string, state: string | undefined): BackingImage {
  const diskFileStatusMap = new Map(image.status.diskFileStatusMap)
  if (state === undefined) diskFileStatusMap.delete(uuid)
  else diskFileStatusMap.set(uuid, { ...diskFileStatusMap.get(uuid), state })
  return { ...image, status: { ...image.status, diskFileStatusMap } }
}

function step(what: string, take: () => void): Step {
  return { what, replica: undefined, take }
}
