import {
  disk,
  rawImage,
  rawNode,
  rawSource,
  uuid,
  type RawCopy,
  type RawDisk,
} from '../fixtures/raw-objects.ts'
import { releasesTried } from './crash-oracle.ts'
import type { Random } from './random.ts'
import { keyOf, type RawObject } from './raw.ts'

/** A small cluster as it is stored. */
export interface AnyCluster {
  /** Undefined: Longhorn does not say. */
  readonly release: string | undefined
  readonly objects: Map<string, RawObject>
  readonly replicas: readonly { readonly image: string; readonly disk: string }[]
}

// Few of each, so that they meet.
const nodeNames = ['n1', 'n2', 'n3'] as const
const imageNames = ['i1', 'i2'] as const
const states = ['ready', 'ready', 'ready', 'unknown', 'failed', 'in-progress', '']

/** Names of disks are free strings. */
const oddDisks = ['__proto__', 'constructor', 'a/b', '\u001b[2J\u202e', '0', ' ', 'İ', '\u{1f4be}']

/** A cluster, often in the middle of something. @param plain with names that every API takes */
export function anyCluster(random: Random, plain = false): AnyCluster {
  const release = random.oneOf([...releasesTried.keys()])
  const objects = new Map<string, RawObject>()
  const put = (kind: string, object: Omit<RawObject, 'apiVersion' | 'kind'>): void => {
    const { name } = object.metadata as { name: string }
    objects.set(keyOf(kind, name), { apiVersion: 'longhorn.io/v1beta2', kind, ...object } as RawObject)
  }
  const names: string[] = []
  for (const [at, name] of nodeNames.entries()) {
    const own = [`d${2 * at + 1}`, `d${2 * at + 2}`]
    if (!plain && random.chance(0.1)) own.push(random.oneOf(oddDisks))
    names.push(...own)
    const flagged = random.chance(0.3)
    const options = { evictionRequested: flagged && random.chance(0.4), metadata: storedAs(random) }
    put(
      'Node',
      rawNode(
        name,
        own.map((each) => anyDisk(each, flagged, random)),
        options,
      ),
    )
  }
  for (const name of imageNames) {
    const copies = random.someOf(names, 0.5).map((on) => anyCopy(on, random))
    const options = { minNumberOfCopies: random.chance(0.2) ? 2 : 1, metadata: storedAs(random) }
    put('BackingImage', rawImage(name, copies, options))
    if (random.chance(0.6))
      put('BackingImageDataSource', rawSource(name, random.oneOf(names), random.chance(0.8)))
  }
  const replicas = random.chance(0.3)
    ? [{ image: random.oneOf(imageNames), disk: uuid(random.oneOf(names)) }]
    : []
  return { release, objects, replicas }
}

function storedAs(random: Random): Record<string, unknown> {
  const isLeaving = random.chance(0.03)
  return {
    generation: 1,
    ...(isLeaving && { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['longhorn.io'] }),
  }
}

/** @param flagged whether its node has a flag somewhere */
function anyDisk(name: string, flagged: boolean, random: Random): RawDisk {
  return disk(name, {
    evictionRequested: flagged && random.chance(0.5),
    allowScheduling: random.chance(0.8),
    synced: random.chance(0.95),
    ready: random.chance(0.95),
  })
}

/** Most of the copies are in spec and status; some are only planned, or have a clean-up pending. */
function anyCopy(on: string, random: Random): RawCopy {
  return {
    disk: on,
    wanted: random.chance(0.88),
    evictionRequested: random.chance(0.1),
    state: random.chance(0.9) ? random.oneOf(states) : undefined,
  }
}
