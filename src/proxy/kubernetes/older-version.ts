import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { Parsed } from '../../longhorn/parsed.ts'
import type { BackingImage } from '../../longhorn/backing-image.ts'
import type { Node } from '../../longhorn/node.ts'
import { fieldsOf } from './fields-of.ts'

/** True for an object that the API server wrote in another version than the one that is read: v1beta1, up to Longhorn 1.8. */
export function isOlder(raw: unknown): boolean {
  const apiVersion = fieldsOf(raw)?.apiVersion
  return apiVersion !== undefined && apiVersion !== `${group}/${version}`
}

/**
 * Reads a node in an older version. Its conditions are of another form there, and a write of the main resource changes no
 * status: that of the stored node stays.
 */
export function parseOlderNode(raw: unknown, before: Node | undefined): Parsed<Node> {
  const parsed = kinds.Node.parse({ ...fieldsOf(raw), status: undefined })
  return parsed.ok && before ? { ok: true, value: { ...parsed.value, status: before.status } } : parsed
}

/**
 * Reads an image in an older version. v1beta1 has no `diskFileSpecMap`, and what Longhorn's conversion makes of an image
 * without one cannot be told from it: it may lose all copies.
 */
export function parseOlderImage(raw: unknown, before: BackingImage | undefined): Parsed<BackingImage> {
  const object = fieldsOf(raw)
  // Of another form there, and deprecated.
  const spec = { ...fieldsOf(object?.spec), disks: undefined }
  const parsed = kinds.BackingImage.parse({ ...object, spec, status: undefined })
  if (!parsed.ok || !before) return parsed
  const { metadata } = parsed.value
  const hides = fieldsOf(spec)?.diskFileSpecMap === undefined && before.spec.diskFileSpecMap.size > 0
  if (hides && !metadata.terminating) {
    const problem = `${String(object?.apiVersion)} does not show the copies of an image. Write it in ${version}`
    return { ok: false, problem }
  }
  return { ok: true, value: { ...parsed.value, status: before.status } }
}
