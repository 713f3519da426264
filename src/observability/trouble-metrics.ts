import type { Registry } from 'prom-client'
import type { DiskMapView, PendingOnNode } from '../disk-map/disk-map-view.ts'
import type { MapFreshness } from '../gate/ports.ts'
import type { Profile } from '../longhorn/releases.ts'
import { cleanupsInDanger } from '../rules/disks-at-risk.ts'
import { imagesWithoutDisk } from '../rules/copies-left.ts'
import { type NodeState, nodeState, nodeStates } from '../rules/node-state.ts'
import type { Policy } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'
import { boundedSeries, type Series } from './bounded-series.ts'
import type { Denials } from './denials.ts'
import { label } from './series-labels.ts'

/** The sources of the metrics, read only when Prometheus scrapes. */
interface TroubleSources {
  readonly map: DiskMapView
  readonly profile: () => Profile
  readonly policy: Policy
  readonly freshness: Pick<MapFreshness, 'synced' | 'unreadable'>
  readonly denials: Pick<Denials, 'inTheLastHour'>
  readonly clock: Pick<Clock, 'monotonic' | 'now'>
}

/** These pass by themselves. After a start every node settles, and none of them is wrong. */
const passing: readonly NodeState[] = ['settling', 'ok']

/**
 * Registers current problems by node, disk and image, so that an alert can name them. A series ends with its cause. The
 * cost grows with the problems, not with the cluster: see {@link boundedSeries}.
 */
export function troubleMetrics(registry: Registry, sources: TroubleSources): void {
  const { map, profile, policy, freshness, denials, clock } = sources
  boundedSeries(registry, [
    {
      name: 'holdfast_node_state',
      help: '1 for each node in danger, flagged, cleaning up or down, the worst that is true of it. Other nodes have no series.',
      labelNames: ['node', 'state'],
      read: () => statesOf(map, profile()),
    },
    {
      name: 'holdfast_danger',
      help: '1 for each pending clean-up that has met an eviction flag on its node: the manager of that node crashes.',
      labelNames: ['node', 'disk', 'image'],
      read: () => dangersOf(map, profile()),
    },
    {
      name: 'holdfast_noted_flags',
      help: '1 for each node with eviction flags that a rescue has cleared and noted, by who raises them again (guard or person).',
      labelNames: ['node', 'raised_by'],
      read: () => notesOn(map),
    },
    {
      name: 'holdfast_pending_cleanup_age_seconds',
      help: 'How long each pending clean-up has been known to be pending. It ends only while the backing image manager of its disk is running.',
      labelNames: ['node', 'disk', 'disk_uuid', 'image', 'manager'],
      read: () => cleanupsOf(map, clock.monotonic()),
    },
    {
      name: 'holdfast_unreadable_object',
      help: '1 for each Longhorn object that cannot be read.',
      labelNames: ['kind', 'name'],
      read: () =>
        freshness.unreadable.map(({ kind, name }) => ({
          labels: () => ({ kind, name: label(name) }),
          value: 1,
        })),
    },
    {
      name: 'holdfast_image_nowhere',
      help: '1 for each backing image without a usable copy on a disk that a node has and that is not lost.',
      labelNames: ['image'],
      *read() {
        // Before every node is read, no image has a disk.
        if (!freshness.synced) return
        for (const { image } of imagesWithoutDisk({ map, policy, timeOfDay: clock.now() }))
          yield { labels: () => ({ image: label(image.metadata.name) }), value: 1 }
      },
    },
    {
      name: 'holdfast_denials_last_hour',
      help: 'How often a change was denied in the last hour, by who asked, for what, and the rule.',
      labelNames: ['node', 'kind', 'name', 'user', 'door', 'change', 'rule', 'cause'],
      read: () => denials.inTheLastHour(),
    },
  ])
}

function statesOf(map: DiskMapView, profile: Profile): Series[] {
  const found: { readonly node: string; readonly state: NodeState }[] = []
  for (const node of map.nodes()) {
    const state = nodeState(node, map, profile, false)
    if (!passing.includes(state)) found.push({ node: node.metadata.name, state })
  }
  return found
    .toSorted((one, other) => nodeStates.indexOf(one.state) - nodeStates.indexOf(other.state))
    .map(({ node, state }) => ({ labels: () => ({ node: label(node), state }), value: 1 }))
}

function* notesOn(map: DiskMapView): Iterable<Series> {
  for (const { metadata, rescue } of map.nodes()) {
    if (rescue === undefined) continue
    const raised_by = rescue.ok && rescue.value.guard ? 'guard' : 'person'
    yield { labels: () => ({ node: label(metadata.name), raised_by }), value: 1 }
  }
}

/** Of each node one clean-up comes before the second of any, so that no node in danger is left out for another's images. */
function* dangersOf(map: DiskMapView, profile: Profile): Iterable<Series> {
  const nodes: { readonly node: string; readonly cleanups: Iterator<PendingOnNode> }[] = []
  for (const node of map.nodes()) {
    const cleanups = cleanupsInDanger(node, map, profile)[Symbol.iterator]()
    nodes.push({ node: node.metadata.name, cleanups })
  }
  for (let left = nodes; left.length > 0;) {
    const more: typeof nodes = []
    for (const each of left) {
      const next = each.cleanups.next()
      if (next.done === true) continue
      const { disk, image } = next.value
      yield {
        labels: () => ({ node: label(each.node), disk: label(disk), image: label(image) }),
        value: 1,
      }
      more.push(each)
    }
    left = more
  }
}

/** The oldest first. A disk that several nodes have counts for the first of them, one that no node has for none. */
function cleanupsOf(map: DiskMapView, now: number): Series[] {
  return [...map.pendingCleanups()]
    .toSorted((one, other) => one.since - other.since)
    .map(({ image, diskUUID, since }) => ({
      labels: () => {
        const [owner] = map.ownersOf(diskUUID)
        return {
          node: label(owner?.node),
          disk: label(owner?.disk),
          disk_uuid: label(diskUUID),
          image: label(image),
          manager: label(map.managerState(diskUUID) ?? 'none'),
        }
      },
      value: Math.max(0, now - since) / 1_000,
    }))
}
