import type { AdmissionRequest } from '../api-server/admission/webhook-configuration.ts'
import { amount, type JsonObject, object } from '../json.ts'
import { isFrom } from '../../longhorn/releases.ts'
import { invalid } from './denial.ts'

/** The parts of the cluster that decide about an image. */
interface ImageFacts {
  readonly release: string
  /** How many replicas have the image below them, on any node. */
  readonly replicas: number
}

/**
 * Why Longhorn's webhook denies a write of a backing image; undefined if it does not (longhorn.md §4). No
 * release checks the copies in spec. Checks of the source of a new image are left out.
 */
export function onImage(
  { operation, name, object: after, oldObject: before }: AdmissionRequest,
  { release, replicas }: ImageFacts,
): JsonObject | undefined {
  const its = name === '' ? (before?.metadata.name ?? '') : name
  if (operation === 'DELETE')
    return replicas === 0 ? undefined : invalid(`backing image ${its} cannot be deleted: replicas use it`)
  const { minNumberOfCopies } = object(after?.spec)
  // Without a number, the webhook that changes objects puts the default in its place.
  if (minNumberOfCopies === undefined || !isFrom(release, [1, 7, 0]) || amount(minNumberOfCopies) >= 1)
    return undefined
  return invalid(`minNumberOfCopies of backing image ${its} must be 1 or more`)
}
