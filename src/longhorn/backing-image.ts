import { Type } from 'typebox'
import { optional, optionalMap, parser, readMap } from '../json/schema.ts'
import { shortened } from '../text/plain-text.ts'
import { type Metadata, MetadataSchema, readMetadata } from './metadata.ts'

/** JSON Schema of the fields of `backingimages.longhorn.io` in longhorn.md §1. */
export const BackingImageSchema = Type.Object({
  metadata: MetadataSchema,
  spec: optional(
    Type.Object({
      diskFileSpecMap: optionalMap(
        Type.Object({ evictionRequested: optional(Type.Boolean()), dataEngine: optional(Type.String()) }),
      ),
      disks: optionalMap(Type.String()),
      minNumberOfCopies: optional(Type.Integer()),
      sourceType: optional(Type.String()),
      sourceParameters: optionalMap(Type.String()),
      dataEngine: optional(Type.String()),
      nodeSelector: optional(Type.Array(Type.String())),
      diskSelector: optional(Type.Array(Type.String())),
    }),
  ),
  status: optional(
    Type.Object({
      diskFileStatusMap: optionalMap(
        Type.Object({
          state: optional(Type.String()),
          progress: optional(Type.Integer()),
          message: optional(Type.String()),
          lastStateTransitionTime: optional(Type.String()),
          dataEngine: optional(Type.String()),
        }),
      ),
      diskLastRefAtMap: optionalMap(Type.String()),
      ownerID: optional(Type.String()),
      uuid: optional(Type.String()),
      size: optional(Type.Integer()),
    }),
  ),
})

/** A copy that spec asks for: an entry of `BackingImage.spec.diskFileSpecMap`. */
export interface DiskFileSpec {
  /** True while Longhorn moves this copy away. It stays true when the node's last flag is cleared. */
  readonly evictionRequested: boolean
}

/** A copy that exists: an entry of `BackingImage.status.diskFileStatusMap`. */
interface DiskFileStatus {
  /** `ready`, `in-progress`, `failed`, `unknown`, …; the schema accepts any text. */
  readonly state: string
  /** How much of the file is there, in percent; absent if Longhorn has not written it. */
  readonly progress?: number
}

/** A backing image, `backingimages.longhorn.io`. */
export interface BackingImage {
  readonly kind: 'BackingImage'
  readonly metadata: Metadata
  readonly spec: {
    /** By disk UUID. */
    readonly diskFileSpecMap: ReadonlyMap<string, DiskFileSpec>
    readonly minNumberOfCopies: number
    /** `download`, `upload`, `export-from-volume`, `restore`, `clone`. */
    readonly sourceType: string
    /** `v1` or `v2`; a v2 copy lives on block disks. */
    readonly dataEngine: string
    readonly nodeSelector: readonly string[]
    readonly diskSelector: readonly string[]
  }
  readonly status: {
    /** By disk UUID. */
    readonly diskFileStatusMap: ReadonlyMap<string, DiskFileStatus>
    /** Of one copy, in bytes; undefined until Longhorn knows it. */
    readonly size: number | undefined
  }
}

/** Parses an untrusted `backingimages.longhorn.io` object. */
export const parseBackingImage = parser(BackingImageSchema, (raw): BackingImage => ({
  kind: 'BackingImage',
  metadata: readMetadata(raw.metadata),
  spec: {
    diskFileSpecMap: readMap(raw.spec?.diskFileSpecMap, {}, (file) => ({
      evictionRequested: file.evictionRequested ?? false,
    })),
    // Longhorn's own mutating webhook turns 0 into 1.
    minNumberOfCopies: Math.max(1, raw.spec?.minNumberOfCopies ?? 1),
    sourceType: raw.spec?.sourceType ?? '',
    dataEngine: raw.spec?.dataEngine ?? 'v1',
    nodeSelector: raw.spec?.nodeSelector ?? [],
    diskSelector: raw.spec?.diskSelector ?? [],
  },
  status: {
    diskFileStatusMap: readMap(raw.status?.diskFileStatusMap, {}, ({ state, progress }) => ({
      state: state ?? '',
      ...(progress !== undefined && progress !== null && { progress }),
    })),
    size: sizeOf(raw.status?.size),
  },
}))

/** JSON Schema of the fields of `backingimagedatasources.longhorn.io` in longhorn.md §1. */
export const BackingImageDataSourceSchema = Type.Object({
  metadata: MetadataSchema,
  spec: optional(
    Type.Object({
      nodeID: optional(Type.String()),
      diskUUID: optional(Type.String()),
      fileTransferred: optional(Type.Boolean()),
    }),
  ),
  status: optional(Type.Object({ currentState: optional(Type.String()) })),
})

/**
 * The maker of the first file of a backing image, `backingimagedatasources.longhorn.io`. It has the name of
 * its image.
 */
export interface BackingImageDataSource {
  readonly kind: 'BackingImageDataSource'
  readonly metadata: Metadata
  readonly spec: {
    readonly nodeID: string
    /** Undefined until Longhorn chooses a disk (it writes `""`). */
    readonly diskUUID: string | undefined
    /** True once the first file is complete and counts as a copy. */
    readonly fileTransferred: boolean
  }
}

/** Parses an untrusted `backingimagedatasources.longhorn.io` object. */
export const parseBackingImageDataSource = parser(
  BackingImageDataSourceSchema,
  (raw): BackingImageDataSource => ({
    kind: 'BackingImageDataSource',
    metadata: readMetadata(raw.metadata),
    spec: {
      nodeID: shortened(raw.spec?.nodeID ?? ''),
      diskUUID: shortened(raw.spec?.diskUUID ?? '') || undefined,
      fileTransferred: raw.spec?.fileTransferred ?? false,
    },
  }),
)

/** JSON Schema of the fields of `backingimagemanagers.longhorn.io` in longhorn.md §1. */
export const BackingImageManagerSchema = Type.Object({
  metadata: MetadataSchema,
  spec: optional(Type.Object({ diskUUID: optional(Type.String()) })),
  status: optional(Type.Object({ currentState: optional(Type.String()) })),
})

/**
 * The process that holds the files of one disk, `backingimagemanagers.longhorn.io`. While it is down, a
 * clean-up on its disk stays pending (longhorn.md §2).
 */
export interface BackingImageManager {
  readonly kind: 'BackingImageManager'
  readonly metadata: Metadata
  readonly spec: { readonly diskUUID: string }
  readonly status: { readonly currentState: string }
}

/** Parses an untrusted `backingimagemanagers.longhorn.io` object. */
export const parseBackingImageManager = parser(BackingImageManagerSchema, (raw): BackingImageManager => ({
  kind: 'BackingImageManager',
  metadata: readMetadata(raw.metadata),
  spec: { diskUUID: raw.spec?.diskUUID ?? '' },
  status: { currentState: raw.status?.currentState ?? '' },
}))

/** Longhorn writes 0 until it knows. */
function sizeOf(bytes: number | null | undefined): number | undefined {
  return bytes === null || bytes === 0 ? undefined : bytes
}
