import type { ClusterObject } from '../cluster-client.ts'
import { amount, flag, object, text } from '../json.ts'

/** A `backingimagedatasources.longhorn.io` object as the controllers look at it. */
export interface DataSourceObject {
  /** The name of its image. */
  readonly name: string
  readonly diskUUID: string
  /** True once the first file is a copy like any other. */
  readonly fileTransferred: boolean
  /** How far the first file is: `starting`, `in-progress`, `ready-for-transfer`, `ready`. */
  readonly currentState: string
  /** Percent. */
  readonly progress: number
}

/** Reads a data source; what is missing is false or empty. */
export function readDataSource(raw: ClusterObject): DataSourceObject {
  const spec = object(raw.spec)
  const status = object(raw.status)
  return {
    name: raw.metadata.name,
    diskUUID: text(spec.diskUUID),
    fileTransferred: flag(spec.fileTransferred),
    currentState: text(status.currentState),
    progress: amount(status.progress),
  }
}

/** True for the disk where the image's first file is still being made. */
export function isFirstFile(
  source: DataSourceObject | undefined,
  diskUUID: string,
): source is DataSourceObject {
  return source !== undefined && !source.fileTransferred && source.diskUUID === diskUUID
}
