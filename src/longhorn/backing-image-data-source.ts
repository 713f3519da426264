import { Type } from 'typebox'
import { absent } from './absent.ts'
import { MetadataSchema, readMetadata, type Metadata } from './metadata.ts'
import { parser } from './parse.ts'
import { shortened } from '../text/cut.ts'

/** JSON Schema of the fields of `backingimagedatasources.longhorn.io` in longhorn.md §1. */
export const BackingImageDataSourceSchema = Type.Object({
  metadata: MetadataSchema,
  spec: absent(
    Type.Object({
      nodeID: absent(Type.String()),
      diskUUID: absent(Type.String()),
      fileTransferred: absent(Type.Boolean()),
    }),
  ),
  status: absent(Type.Object({ currentState: absent(Type.String()) })),
})

/**
 * Where the first file of a backing image is made, `backingimagedatasources.longhorn.io`. It has the name of its
 * image.
 */
export interface BackingImageDataSource {
  readonly kind: 'BackingImageDataSource'
  readonly metadata: Metadata
  readonly spec: {
    readonly nodeID: string
    /** Undefined until a disk was chosen (Longhorn writes `""`). */
    readonly diskUUID: string | undefined
    /** True once the first file is complete and is a copy like any other. */
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
