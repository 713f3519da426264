import { Type } from 'typebox'
import { optional, parser } from '../json/schema.ts'
import { type Metadata, MetadataSchema, readMetadata } from './metadata.ts'

/** JSON Schema of the fields of `replicas.longhorn.io` in longhorn.md §1. */
export const ReplicaSchema = Type.Object({
  metadata: MetadataSchema,
  spec: optional(
    Type.Object({
      nodeID: optional(Type.String()),
      diskID: optional(Type.String()),
      backingImage: optional(Type.String()),
      evictionRequested: optional(Type.Boolean()),
      // A number of bytes, in quotes.
      volumeSize: optional(Type.String()),
    }),
  ),
})

/** One replica of a volume, `replicas.longhorn.io`. With a backing image it needs the copy on its own disk. */
export interface Replica {
  readonly kind: 'Replica'
  readonly metadata: Metadata
  readonly spec: {
    readonly nodeID: string
    /** The UUID of its disk; empty until it is scheduled. */
    readonly diskID: string
    /** Empty for a volume without a backing image. */
    readonly backingImage: string
    /** In bytes; undefined if it is not known. */
    readonly volumeSize: number | undefined
  }
}

/** Parses an untrusted `replicas.longhorn.io` object. */
export const parseReplica = parser(ReplicaSchema, (raw): Replica => ({
  kind: 'Replica',
  metadata: readMetadata(raw.metadata),
  spec: {
    nodeID: raw.spec?.nodeID ?? '',
    diskID: raw.spec?.diskID ?? '',
    backingImage: raw.spec?.backingImage ?? '',
    volumeSize: sizeOf(raw.spec?.volumeSize),
  },
}))

function sizeOf(text: string | null | undefined): number | undefined {
  const bytes = Number(text ?? '')
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}
