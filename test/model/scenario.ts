import type { Node } from '../../src/longhorn/node.ts'
import type { Profile } from '../../src/longhorn/releases.ts'
import { parsed } from '../fixtures/cluster.ts'
import {
  disk,
  type RawCopy,
  type RawDisk,
  rawImage,
  rawNode,
  type RawNodeOptions,
  rawSource,
} from '../fixtures/raw-objects.ts'
import type { Happening } from './happenings.ts'
import type { Wish } from './request.ts'
import type { Sabotage } from './sabotage.ts'
import { hasPast, type ModelObject } from './store.ts'

/** A cluster, the requests to it, and the faults that may happen. */
export interface Scenario {
  readonly name: string
  readonly profile: Exclude<Profile, 'none'>
  readonly objects: readonly ModelObject[]
  readonly wishes: readonly Wish[]
  /** How often a wish may be reviewed: again after a conflict, or after a hold. */
  readonly reviews: number
  /** How often time may jump to the next timer. */
  readonly jumps: number
  /** How often all watches may break. */
  readonly outages: number
  /** Whether a replica may crash. */
  readonly crash: boolean
  /** Whether a replica may restart under its name: its reservations stay, and its freshness is gone. */
  readonly restarts: boolean
  /** Whether the time of day of a replica may step an hour back or ahead, as often as anybody likes. */
  readonly steps: boolean
  /** In which namespace each replica keeps its Leases. */
  readonly namespaces: readonly [string, string]
  /** Whether the first replica is of an older version, until it restarts. */
  readonly older: boolean
  /** Whether a copy may turn unknown and ready again. */
  readonly flaky: boolean
  /** Whether the answer to a swap may be lost. */
  readonly losses: boolean
  /** Other events that may happen, each once. */
  readonly happenings: readonly Happening[]
  /** How long a client waits, in milliseconds. */
  readonly budgetMs: number
  readonly sabotage: Sabotage
}

/** A release of each profile. */
export const releases = { A: 'v1.8.0', B: 'v1.8.1', C: 'v1.10.0' } as const

/** Two wishes or three, on a cluster, with nothing else going wrong unless said so. */
export function scenario(
  name: string,
  profile: Scenario['profile'],
  objects: readonly ModelObject[],
  wishes: readonly Wish[],
  more: Partial<Scenario> = {},
): Scenario {
  const nothing = { crash: false, restarts: false, steps: false, flaky: false, losses: false, older: false }
  const namespaces = ['holdfast', 'holdfast'] as const
  const usual = {
    reviews: 2,
    jumps: 0,
    outages: 0,
    budgetMs: 0,
    sabotage: {},
    happenings: [],
    namespaces,
    ...nothing,
  }
  return { ...usual, name, profile, objects: objects.map(written), wishes, ...more }
}

/** The generation shows a starting guard that it may have missed a change of the object. */
function written(object: ModelObject): ModelObject {
  const { metadata } = object
  return hasPast(object) ? { ...object, metadata: { ...metadata, generation: 2 } } : object
}

/** The one of this name, whatever its profile. */
export function named(scenarios: readonly Scenario[], name: string): Scenario {
  const found = scenarios.find((each) => each.name === `${name} (${each.profile})`)
  if (!found) throw new Error(`there is no scenario ${name}`)
  return found
}

/** A node of the cluster at the start. */
export function node(name: string, disks: readonly RawDisk[], options: RawNodeOptions = {}): Node {
  return parsed('Node', rawNode(name, disks, options))
}

/** A backing image of the cluster at the start. */
export function image(name: string, copies: readonly RawCopy[]): ModelObject {
  return parsed('BackingImage', rawImage(name, copies))
}

/** A first file that is still made at the start. */
export function source(name: string, on: string): ModelObject {
  return parsed('BackingImageDataSource', rawSource(name, on, false))
}

export { disk }
