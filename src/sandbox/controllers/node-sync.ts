import { profileOf } from '../../longhorn/releases.ts'
import type { ControllerModules } from './controller-loop.ts'
import { crashes, type NilDereference, requeues } from './crash-predicate.ts'
import type { DiskMonitor } from './disk-monitor.ts'
import type { ManagerCache } from './manager-cache.ts'
import { withNodeStatus } from './node-status.ts'
import type { NodeWork } from './node-work.ts'
import { readNode } from './objects.ts'
import type { Pauses } from './options.ts'
import type { CrashRecord } from './report.ts'

/** The result of a sync. */
export type SyncResult =
  /** The caches are not filled yet, or the node is not in them. */
  | { readonly kind: 'nothing to do' }
  /** @property release as the manager's caches have it */
  | {
      readonly kind: 'crashed'
      readonly missing: NilDereference
      readonly seen: CrashRecord['seen']
      readonly release: string
      readonly nodeUid: string | undefined
    }
  /**
   * @property again whether the node is requeued @property pending profile C: the clean-up that it waits for
   */
  | { readonly kind: 'synced'; readonly again: boolean; readonly pending: NilDereference | undefined }

/**
 * One sync of a node by its manager, in the order of Longhorn's `syncNode` (v1.8.0 and v1.8.1
 * controller/node_controller.go). It reads the node from its cache **once**, cleans up unused copies, passes
 * the eviction flags on to replicas, then to copies, and writes the status last. The step for copies may
 * crash: it uses the node as it was at the beginning, and the images as the cache has them by then. So it can
 * combine a clean-up of the same sync with a flag that was cleared meanwhile.
 *
 * @param monitor ends the sync early while the flags differ from those of its last look; undefined for never
 */
export async function syncNode(
  name: string,
  { options, clock }: Pick<ControllerModules, 'options' | 'clock'>,
  cache: ManagerCache,
  work: NodeWork,
  pauses: Pauses,
  monitor?: Pick<DiskMonitor, 'isMatched'>,
): Promise<SyncResult> {
  const before = cache.synced ? cache.now.nodes.get(name)?.raw : undefined
  if (!before) return { kind: 'nothing to do' }
  const { diskUUID, stepsMs } = options
  const inHand = withNodeStatus(before, { snapshot: cache.now, diskUUID, now: clock.now() })
  const node = readNode(inHand)
  if (monitor?.isMatched(node) === false) return { kind: 'nothing to do' }
  await work.keepBackingImageManagers(node)
  await pauses.wait(stepsMs)
  const steps = [await work.cleanUpUnused(node), await work.requestReplicaEviction(node)]

  const { images, release } = cache.now
  const profile = profileOf(release)
  const seen = [...images.values()].map(({ raw }) => raw)
  const missing = crashes(profile, inHand, seen)
  if (missing)
    return {
      kind: 'crashed',
      missing,
      seen: {
        node: before.metadata.resourceVersion ?? '',
        image: images.get(missing.image)?.raw.metadata.resourceVersion ?? '',
      },
      release: release ?? '',
      nodeUid: before.metadata.uid,
    }
  const pending = requeues(profile, inHand, seen)
  steps.push(await work.requestCopyEviction(node), await work.writeStatus(before, inHand))
  return { kind: 'synced', again: pending !== undefined || steps.includes('again'), pending }
}
