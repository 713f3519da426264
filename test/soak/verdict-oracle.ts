import type { ClusterObject, ObjectEvent } from '../../src/sandbox/cluster-client.ts'
import { type Crashing, newlyCrashing, withObject, withoutObject } from '../fuzz/crash-oracle.ts'
import { fieldsAt, keyOf, type RawObject, type RawObjects } from '../fuzz/raw.ts'

/** A write of spec that was committed, and that no guard may have admitted. */
export interface WrongVerdict {
  /** Such as `Node node-1 at 812`. */
  readonly write: string
  readonly why: string
}

/**
 * Replays the history of the API server and judges each committed write of a spec by itself: whether it made a manager
 * crash, or took the last usable copy of an image. It shares nothing with the rules of the guard.
 */
export class VerdictOracle {
  readonly wrong: WrongVerdict[] = []
  /** Writes of status after which a manager would crash: no admission can stop them. */
  readonly dangerOfStatus: string[] = []
  /** Committed writes of a spec that were judged. */
  judged = 0
  readonly #crashing: Crashing
  #objects: RawObjects = new Map()
  #from = 0

  constructor(crashing: Crashing) {
    this.#crashing = crashing
  }

  /** Begins with lists. They may be of different moments, so only what is newer than both is judged. */
  begin(objects: readonly RawObject[]): void {
    this.#objects = new Map(objects.map((each) => [keyOf(each.kind, each.metadata.name), each]))
    this.#from = Math.max(0, ...objects.map((each) => versionOf(each)))
  }

  /** The next write, in the order of the versions, which count the writes of the whole cluster. */
  happened({ type, object }: ObjectEvent): void {
    const before = this.#objects
    const after = type === 'DELETED' ? withoutObject(before, object) : withObject(before, object)
    this.#objects = after
    if (versionOf(object) <= this.#from || type === 'DELETED') return
    const old = before.get(keyOf(object.kind, object.metadata.name))
    const isOfSpec = !old || old.metadata.generation !== object.metadata.generation
    if (isOfSpec) this.judged += 1
    const write = `${object.kind} ${object.metadata.name} at ${versionOf(object)}`
    const crash = newlyCrashing(before, after, this.#crashing)
    if (crash.length > 0) {
      if (isOfSpec) this.wrong.push({ write, why: `the manager of ${crash.join(', ')} crashes` })
      else this.dangerOfStatus.push(write)
    }
    if (isOfSpec && old && usableCopies(old) > 0 && usableCopies(object) === 0 && hadIts(old, object))
      this.wrong.push({ write, why: 'it takes the last usable copy' })
  }
}

/** Copies that are wanted and whole. */
function usableCopies(object: RawObject): number {
  if (object.kind !== 'BackingImage') return 0
  const files = fieldsAt(object, 'status', 'diskFileStatusMap')
  return Object.keys(fieldsAt(object, 'spec', 'diskFileSpecMap')).filter(
    (disk) => fieldsAt(files, disk).state === 'ready',
  ).length
}

/** True if the write removed a copy from spec. */
function hadIts(before: RawObject, after: RawObject): boolean {
  const wanted = fieldsAt(after, 'spec', 'diskFileSpecMap')
  return Object.keys(fieldsAt(before, 'spec', 'diskFileSpecMap')).some((disk) => !Object.hasOwn(wanted, disk))
}

/** etcd counts the writes of all objects with one number. */
export function versionOf({ metadata }: ClusterObject | RawObject): number {
  return Number(metadata.resourceVersion)
}
