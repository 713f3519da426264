import { isDeepStrictEqual } from 'node:util'
import type { AdmissionRequest } from '../api-server/admission/webhook-configuration.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { amount, entries, flag, type JsonObject, list, object, text } from '../json.ts'
import { isFrom } from '../../longhorn/releases.ts'

/** The parts of the cluster that decide about a node. */
interface NodeFacts {
  readonly release: string
  /** How many replicas are on the node. */
  readonly replicas: number
}

/**
 * Why Longhorn's webhook denies a write of a node; undefined if it does not (longhorn.md §4). Left out are
 * checks of tags, CPU, disk drivers and block sizes, which no advice of Holdfast touches.
 */
export function onNode(
  { operation, object: after, oldObject: before }: AdmissionRequest,
  facts: NodeFacts,
): JsonObject | undefined {
  if (operation === 'DELETE' && before) return onDelete(before, facts)
  return operation === 'UPDATE' && before && after ? onUpdate(before, after, facts) : undefined
}

function onUpdate(
  before: ClusterObject,
  after: ClusterObject,
  { release }: NodeFacts,
): JsonObject | undefined {
  if (isLettingGo(before, after)) return undefined
  const { name } = before.metadata
  const spec = object(after.spec)
  if (isEvictedAndOpen(spec))
    return invalid(
      `node ${name} cannot be evicted while its scheduling is on: switch that off, or end the eviction`,
    )
  if (isFrom(release, [1, 12, 2]) && readiness(before).reason === kubernetesNodeGone)
    return ofGoneNode(before, after)
  const disks = entries(object(before.spec).disks)
  const seen = entries(object(before.status).diskStatus)
  if (disks.size !== seen.size || [...disks.keys()].some((disk) => !seen.has(disk)))
    return forbidden(`the disks of node ${name} are not the same in spec and status yet: try again later`)
  const wanted = entries(spec.disks)
  for (const [disk, its] of wanted)
    if (isEvictedAndOpen(its))
      return invalid(
        `disk ${disk} cannot be evicted while its scheduling is on: switch that off, or end the eviction`,
      )
  for (const [disk, its] of disks) {
    const next = wanted.get(disk)
    if (!next && (flag(its.allowScheduling) || amount(seen.get(disk)?.storageScheduled) !== 0))
      return invalid(
        `disk ${disk} of node ${name} cannot be removed: switch its scheduling off, and move all replicas and backing images away`,
      )
    if (next && text(its.diskType) !== '' && its.diskType !== next.diskType)
      return invalid(`the type of disk ${disk} of node ${name} cannot change`)
  }
  return undefined
}

/**
 * Once Kubernetes has no such node, Longhorn takes one write of its spec: that which switches scheduling off
 * (longhorn/longhorn#13494).
 */
function ofGoneNode(before: ClusterObject, after: ClusterObject): JsonObject | undefined {
  const { name } = before.metadata
  const closed = { ...object(before.spec), allowScheduling: false }
  if (!isDeepStrictEqual(object(before.spec).disks, object(after.spec).disks))
    return forbidden(`Kubernetes has no node ${name} any more, so its disks cannot change`)
  return flag(object(before.spec).allowScheduling) && isDeepStrictEqual(closed, after.spec)
    ? undefined
    : forbidden(`Kubernetes has no node ${name} any more, so only its scheduling can be switched off`)
}

/** Before 1.10 only the REST API asks this (longhorn/longhorn#11131). */
function onDelete(node: ClusterObject, { release, replicas }: NodeFacts): JsonObject | undefined {
  if (!isFrom(release, [1, 10, 0])) return undefined
  const { name, annotations = {} } = node.metadata
  if (Object.hasOwn(annotations, 'longhorn.io/delete-node-from-longhorn')) return undefined
  const { isReady, reason } = readiness(node)
  const isOpen = flag(object(node.spec).allowScheduling)
  const isMissed = !isReady && (reason === kubernetesNodeGone || reason === 'ManagerPodMissing')
  if (isMissed && !isOpen && replicas === 0) return undefined
  return invalid(
    `node ${name} cannot be deleted: it is ${isReady ? 'ready' : `not ready (${reason})`}, its scheduling is ${isOpen ? 'on' : 'off'}, and ${replicas} replicas are on it`,
  )
}

const kubernetesNodeGone = 'KubernetesNodeGone'

function readiness(node: ClusterObject): { readonly isReady: boolean; readonly reason: string } {
  const ready = list(object(node.status).conditions)
    .map(object)
    .find(({ type }) => type === 'Ready')
  return { isReady: ready?.status === 'True', reason: text(ready?.reason) }
}

function isEvictedAndOpen({ evictionRequested, allowScheduling }: JsonObject): boolean {
  return flag(evictionRequested) && flag(allowScheduling)
}

/** Longhorn lets its own finalizer go from every object that is being deleted. */
function isLettingGo({ metadata: before }: ClusterObject, { metadata: after }: ClusterObject): boolean {
  const [had, has] = [before.finalizers ?? [], after.finalizers ?? []]
  const gone = had.filter((finalizer) => !has.includes(finalizer))
  return before.deletionTimestamp !== undefined && gone.length === 1 && gone[0] === 'longhorn.io'
}

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

/** A value that cannot be: what Longhorn's webhook answers to most of what it denies. */
function invalid(message: string): JsonObject {
  const causes = [{ reason: 'FieldValueInvalid', message, field: '' }]
  return { code: 422, reason: 'Invalid', message, details: { causes } }
}

/** A write that cannot be now. */
function forbidden(message: string): JsonObject {
  return { code: 403, reason: 'Forbidden', message }
}
