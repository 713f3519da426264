import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Node } from '../../longhorn/node.ts'
import { isAssumed, type Profile, profileOf } from '../../longhorn/releases.ts'
import { isInDanger } from '../../rules/disks-at-risk.ts'
import { lasting } from '../../rules/sentences.ts'
import { plainLine } from '../../text/plain-text.ts'
import { cleanupInWords, cleanupsMet } from '../../rules/rescue/cleanups.ts'
import { flagsUp, flagsInWords } from '../../rules/rescue/flags.ts'
import {
  isManagerReady,
  type ManagerPod,
  type Panic,
  podOn,
  type SeenPods,
} from '../../rules/rescue/managers.ts'
import { isConcerned } from '../../rules/rescue/next-step.ts'

/** What is seen before anything is done. */
export interface Sight {
  readonly map: DiskMapView
  readonly pods: SeenPods
  /** How the log of a pod ends, by its name, of those that were looked at. */
  readonly panics: ReadonlyMap<string, Panic>
  /** Milliseconds by the monotonic clock. */
  readonly now: number
  readonly timeOfDay: number
}

/** The nodes to rescue, sorted: the named ones, or all whose manager is in danger or whose rescue is not finished. */
export function nodesToRescue(map: DiskMapView, named: readonly string[]): string[] {
  if (named.length > 0) return sorted(named)
  const profile = profileOf(map.release)
  return sorted(
    [...map.nodes()].filter((node) => isConcerned(node, map, profile)).map(({ metadata }) => metadata.name),
  )
}

/** The pods whose previous log may tell why they crashed: they do not run, or their node is in danger. */
export function troubledPods(map: DiskMapView, pods: SeenPods): readonly ManagerPod[] {
  if ('problem' in pods) return []
  const profile = profileOf(map.release)
  return pods.seen.filter(({ node: name, ready, endedAt }) => {
    const node = map.node(name)
    return node !== undefined && endedAt !== undefined && (!ready || isInDanger(node, map, profile))
  })
}

/** The release in words, and how many managers are in danger. */
export function rescueHeading({ map, pods }: Sight): string[] {
  const profile = profileOf(map.release)
  const inDanger = [...map.nodes()].filter((node) => isInDanger(node, map, profile)).length
  const nodes = [...map.nodes()].length
  const found =
    inDanger === 0
      ? 'No manager is in danger.'
      : `The ${inDanger === 1 ? 'manager' : 'managers'} of ${inDanger} of ${nodes} nodes ${inDanger === 1 ? 'is' : 'are'} in danger.`
  const unseen =
    'problem' in pods
      ? [
          `The pods of the managers cannot be looked at, so Longhorn’s own conditions have to tell: ${pods.problem}`,
        ]
      : []
  return [releaseInWords(map.release, profile), found, ...unseen]
}

function releaseInWords(release: string | undefined, profile: Profile): string {
  const longhorn = isAssumed(release) ? 'Such a Longhorn' : `Longhorn ${release ?? ''}`
  switch (profile) {
    case 'A':
      return `${longhorn} crashes the longhorn-manager of a node that has an eviction flag up while a clean-up is pending on any of its disks.`
    case 'B':
      return `${longhorn} crashes the longhorn-manager of a node while a clean-up is pending on a disk that is evicted.`
    case 'C':
      return `${longhorn} does not crash when an eviction meets a clean-up.`
    case 'none':
      return `${longhorn} does not evict backing images, so no eviction crashes its managers.`
  }
}

/** Why the manager of a node crashes, or what else is to be said of the node. */
export function diagnosisOf(node: Node, sight: Sight): string[] {
  const { map, now } = sight
  const profile = profileOf(map.release)
  const { name } = node.metadata
  const meeting = isInDanger(node, map, profile)
    ? [
        `${flagsInWords(flagsUp(node))} ${flagsVerb(node)} up while Longhorn removes ${cleanupsMet(
          node,
          map,
          profile,
        )
          .map((cleanup) => cleanupInWords(cleanup, now))
          .join(', ')}: that crashes its longhorn-manager`,
      ]
    : []
  return [...meeting, ...notedInWords(node, sight), ...managerInWords(node, sight)].map((text) =>
    plainLine(`${name}: ${text}`),
  )
}

function flagsVerb(node: Node): string {
  const up = flagsUp(node)
  return up.disks.length + Number(up.node) === 1 ? 'is' : 'are'
}

function notedInWords({ rescue }: Node, { timeOfDay }: Sight): string[] {
  if (rescue?.ok !== true) return []
  const { at, by } = rescue.value
  const ms = timeOfDay - Date.parse(at)
  const when = Number.isNaN(ms) ? '' : ` ${lasting(ms)} ago`
  return [`a rescue${by === '' ? '' : ` by ${by}`} took ${flagsInWords(rescue.value)} down${when}`]
}

function managerInWords(node: Node, { map, pods, panics, timeOfDay }: Sight): string[] {
  const pod = podOn(node.metadata.name, pods)
  const { notReady } = node.status
  const isReady = isManagerReady(node, pods)
  const isQuiet = pod?.endedAt === undefined || !isInDanger(node, map, profileOf(map.release))
  if (isReady && isQuiet) return []
  const since = notReady?.since === undefined ? '' : ` for ${lasting(timeOfDay - notReady.since)}`
  const why = pod?.waiting ?? notReady?.reason
  const state = isReady ? 'is ready for now' : `is not ready${since}${why === undefined ? '' : ` (${why})`}`
  if (pod === undefined) return [`its longhorn-manager ${state}`]
  const last = pod.endedAt === undefined ? '' : `, and it ended ${lasting(timeOfDay - pod.endedAt)} ago`
  const restarts = `${pod.restarts} ${pod.restarts === 1 ? 'restart' : 'restarts'} so far${last}`
  return [`its longhorn-manager (pod ${pod.name}) ${state}: ${restarts}${panicInWords(panics.get(pod.name))}`]
}

function panicInWords(panic: Panic | undefined): string {
  switch (panic?.found) {
    case undefined:
      return ''
    case 'this crash':
      return '. Its previous log shows this crash'
    case 'another panic':
      return `. Its previous log shows another panic, which a rescue does not cure: ${panic.line}`
    case 'no panic':
      return '. Its previous log shows no panic'
    case 'no log':
      return `. Its previous log cannot be read: ${panic.problem}`
  }
}

/** The nodes whose manager is not ready, and that a rescue is not about. */
export function otherTroubles(sight: Sight, concerned: readonly string[]): string[] {
  const { map, pods } = sight
  return [...map.nodes()]
    .filter((node) => !concerned.includes(node.metadata.name) && !isManagerReady(node, pods))
    .flatMap((node) => diagnosisOf(node, sight))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

function sorted(names: Iterable<string>): string[] {
  return [...new Set(names)].toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}
