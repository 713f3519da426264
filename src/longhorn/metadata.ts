import { type Static, Type } from 'typebox'
import { optional, optionalMap } from '../json/schema.ts'
import { shortened } from '../text/plain-text.ts'

/** The annotation that Longhorn's uninstaller puts on an object before it deletes it. */
const uninstallAnnotation = /^longhorn\.io\/delete-[a-z-]+-from-longhorn$/

/** The annotation that asks for a one-shot exception; its value is the reason. */
export const overrideAnnotation = 'holdfast.dev/override'

/** All annotations of an object together have 256 KiB at most. */
const longestAnnotation = 256 * 1024

export const MetadataSchema = Type.Object({
  name: optional(Type.String()),
  namespace: optional(Type.String()),
  uid: optional(Type.String()),
  resourceVersion: optional(Type.String()),
  generation: optional(Type.Integer()),
  deletionTimestamp: optional(Type.String()),
  annotations: optionalMap(Type.String()),
})

/**
 * The metadata that judging needs, without the rest (managedFields are half of an object's size). Texts are
 * cut to 1,024 UTF-16 units. The reason is cut to the API server's own limit.
 */
export interface Metadata {
  readonly name: string
  readonly namespace: string
  /** Empty before the object is stored. */
  readonly uid: string
  /** The version of the object, an opaque text; empty before the object is stored. */
  readonly resourceVersion: string
  /**
   * Counts changes of spec from 1 on; changes of status do not count. The difference of two versions is the
   * number of spec changes between them.
   */
  readonly generation: number
  /** True while the object is being deleted and waits for its finalizers. */
  readonly terminating: boolean
  /** True once Longhorn's uninstaller has marked the object. */
  readonly uninstalling: boolean
  /** The reason given in the `holdfast.dev/override` annotation, if there is one. */
  readonly override: string | undefined
}

export function readMetadata(raw: Static<typeof MetadataSchema>): Metadata {
  const override = raw.annotations?.[overrideAnnotation] ?? undefined
  return {
    name: shortened(raw.name ?? ''),
    namespace: shortened(raw.namespace ?? ''),
    uid: shortened(raw.uid ?? ''),
    resourceVersion: shortened(raw.resourceVersion ?? ''),
    generation: raw.generation ?? 1,
    terminating: Boolean(raw.deletionTimestamp),
    uninstalling: Object.keys(raw.annotations ?? {}).some((key) => uninstallAnnotation.test(key)),
    override: override && shortened(override, longestAnnotation),
  }
}

/**
 * True if a resourceVersion is certainly older than another of the same object or the same watch. They only
 * grow there. A smaller one means that etcd was restored from a backup (kubernetes/kubernetes#107457). The
 * function does not compare versions that are not whole numbers.
 */
export function isOlder(version: string, than: string): boolean {
  const number = /^\d+$/
  return number.test(version) && number.test(than) && BigInt(version) < BigInt(than)
}
