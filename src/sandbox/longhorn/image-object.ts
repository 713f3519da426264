import type { ClusterObject } from '../cluster-client.ts'
import { amount, entries, object, text, textEntries, texts, type JsonObject } from '../json.ts'

/** One file of an image, an entry of `status.diskFileStatusMap`. */
export interface FileStatus {
  readonly state: string
  /** Percent. */
  readonly progress: number
  readonly message: string
  readonly dataEngine: string
  /** RFC 3339. */
  readonly lastStateTransitionTime: string
}

/** A `backingimages.longhorn.io` object as the controllers look at it. */
export interface ImageObject {
  readonly name: string
  readonly terminating: boolean
  readonly minNumberOfCopies: number
  readonly nodeSelector: readonly string[]
  readonly diskSelector: readonly string[]
  /** `spec.diskFileSpecMap` by disk UUID, each entry as it is stored. */
  readonly specs: ReadonlyMap<string, JsonObject>
  /** `status.diskFileStatusMap` by disk UUID. */
  readonly files: ReadonlyMap<string, FileStatus>
  /** `status.diskLastRefAtMap` by disk UUID: since when nothing uses the copy, RFC 3339. */
  readonly unusedSince: ReadonlyMap<string, string>
  /** The node whose manager looks after the image. */
  readonly ownerID: string
  readonly raw: ClusterObject
}

/** Reads an image; what is missing is false or empty. */
export function readImage(raw: ClusterObject): ImageObject {
  const spec = object(raw.spec)
  const status = object(raw.status)
  return {
    name: raw.metadata.name,
    terminating: raw.metadata.deletionTimestamp !== undefined,
    minNumberOfCopies: Math.max(1, amount(spec.minNumberOfCopies)),
    nodeSelector: texts(spec.nodeSelector),
    diskSelector: texts(spec.diskSelector),
    specs: entries(spec.diskFileSpecMap),
    files: new Map([...entries(status.diskFileStatusMap)].map(([uuid, file]) => [uuid, readFile(file)])),
    unusedSince: textEntries(status.diskLastRefAtMap),
    ownerID: text(status.ownerID),
    raw,
  }
}

/** The object with another `spec.diskFileSpecMap`. */
export function withSpecs(raw: ClusterObject, specs: ReadonlyMap<string, JsonObject>): ClusterObject {
  return { ...raw, spec: { ...object(raw.spec), diskFileSpecMap: Object.fromEntries(specs) } }
}

/** The entry of `spec.diskFileSpecMap` for a new copy, as Longhorn writes it. */
export const newCopy: JsonObject = { dataEngine: 'v1', evictionRequested: false }

function readFile(file: JsonObject): FileStatus {
  return {
    state: text(file.state),
    progress: amount(file.progress),
    message: text(file.message),
    dataEngine: text(file.dataEngine),
    lastStateTransitionTime: text(file.lastStateTransitionTime),
  }
}
