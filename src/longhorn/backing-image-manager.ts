import { Type } from 'typebox'
import { absent } from './absent.ts'
import { MetadataSchema, readMetadata, type Metadata } from './metadata.ts'
import { parser } from './parse.ts'

/** JSON Schema of the fields of `backingimagemanagers.longhorn.io` in longhorn.md §1. */
export const BackingImageManagerSchema = Type.Object({
  metadata: MetadataSchema,
  spec: absent(Type.Object({ diskUUID: absent(Type.String()) })),
  status: absent(Type.Object({ currentState: absent(Type.String()) })),
})

/**
 * The process that holds the files of one disk, `backingimagemanagers.longhorn.io`. While it does not run, a
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
