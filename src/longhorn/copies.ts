import type { BackingImage } from './backing-image.ts'

/** The phase of one copy: `planned` is in spec only, `present` in both, `pending cleanup` in status only. */
export type CopyPhase = 'planned' | 'present' | 'pending cleanup'

/** One backing image on one disk. */
export interface Copy {
  readonly image: string
  readonly diskUUID: string
  readonly phase: CopyPhase
  /** The state in status, `ready`, `unknown`, …; empty while the copy is only planned. */
  readonly state: string
}

/** All copies of an image, those in spec first. */
export function copiesOf(image: BackingImage): Copy[] {
  const { diskFileSpecMap } = image.spec
  const { diskFileStatusMap } = image.status
  const copies: Copy[] = []
  for (const uuid of diskFileSpecMap.keys()) {
    const file = diskFileStatusMap.get(uuid)
    copies.push({
      image: image.metadata.name,
      diskUUID: uuid,
      phase: file ? 'present' : 'planned',
      state: file?.state ?? '',
    })
  }
  return [...copies, ...pendingCleanups(image)]
}

/**
 * The copy of an image on one disk, found without a walk over its other copies; undefined if there is none.
 */
export function copyOn({ metadata, spec, status }: BackingImage, diskUUID: string): Copy | undefined {
  const file = status.diskFileStatusMap.get(diskUUID)
  const wanted = spec.diskFileSpecMap.has(diskUUID)
  if (!wanted && !file) return undefined
  const phase = wanted ? (file ? 'present' : 'planned') : 'pending cleanup'
  return { image: metadata.name, diskUUID, phase, state: file?.state ?? '' }
}

/** `pending(B)` of longhorn.md §2: the copies that spec no longer has and status still lists. */
export function pendingCleanups(image: BackingImage): Copy[] {
  const copies: Copy[] = []
  for (const [uuid, file] of image.status.diskFileStatusMap) {
    if (image.spec.diskFileSpecMap.has(uuid)) continue
    copies.push({
      image: image.metadata.name,
      diskUUID: uuid,
      phase: 'pending cleanup',
      state: file.state,
    })
  }
  return copies
}

/**
 * True for a copy that Longhorn can make other copies from. `unknown` does not qualify: its node or disk does
 * not answer.
 */
export function isReady(copy: Copy): boolean {
  return copy.phase === 'present' && copy.state === 'ready'
}

/** The states that lead to `ready`; empty for a copy that is only planned (longhorn.md §1). */
const onTheWay = new Set(['', 'pending', 'starting', 'in-progress', 'ready-for-transfer', 'ready'])

/** True for a copy that is ready or will be, unless something goes wrong. */
export function isReadySoon({ phase, state }: Copy): boolean {
  return phase !== 'pending cleanup' && onTheWay.has(state)
}
