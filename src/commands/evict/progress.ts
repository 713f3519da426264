import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { isReadySoon } from '../../longhorn/copies.ts'
import type { EvictionStep } from './next-step.ts'
import { findTarget, type Target } from './remains.ts'

/** How far a step has come, as far as Longhorn says. */
interface Progress {
  /** Bytes that are through, and all of them; undefined where a size is not known. */
  readonly bytes: { readonly done: number; readonly total: number } | undefined
  /** Of 100. */
  readonly percent: number | undefined
}

/**
 * How far a step has come: the copies that are made elsewhere, or the bytes of replicas and copies that are gone already.
 *
 * @param atMost the most bytes that were left in this step, as the one who waits has seen them; undefined for no one
 */
export function progressOf(
  step: EvictionStep,
  target: Target,
  map: DiskMapView,
  atMost?: number,
): Progress | undefined {
  if (step.step === 'wait-for-copies') return ofCopies(step.images, target, map)
  const left = bytesLeft(step, map)
  if (left === undefined) return undefined
  const total = Math.max(left, atMost ?? 0)
  return { bytes: { done: total - left, total }, percent: percentOf(total - left, total) }
}

/** The bytes that are still to go from a target in this step; undefined where that is not known. */
export function bytesLeft(step: EvictionStep, map: DiskMapView): number | undefined {
  if (step.step === 'wait-for-replicas')
    return sum(step.replicas.map((name) => map.replica(name)?.spec.volumeSize))
  if (step.step === 'wait-for-removal') return sum(step.images.map((name) => map.image(name)?.status.size))
  return undefined
}

function ofCopies(images: readonly string[], target: Target, map: DiskMapView): Progress {
  const found = findTarget(target, map)
  const going = new Set(found?.uuids.values() ?? [])
  const made = images.map((name) => ({
    of100: madeElsewhere(name, going, map),
    size: map.image(name)?.status.size,
  }))
  const total = sum(made.map(({ size }) => size))
  if (total === undefined) {
    const all = made.reduce((so, { of100 }) => so + of100, 0)
    return { bytes: undefined, percent: percentOf(all, 100 * made.length) }
  }
  const done = made.reduce((so, { of100, size = 0 }) => so + Math.floor((size * of100) / 100), 0)
  return { bytes: { done, total }, percent: percentOf(done, total) }
}

/** How much of the best copy there is on a disk that is not emptied, of 100. */
function madeElsewhere(name: string, going: ReadonlySet<string | undefined>, map: DiskMapView): number {
  const image = map.image(name)
  const parts = map.copiesOf(name).flatMap((copy) => {
    const isGoing =
      going.has(copy.diskUUID) || image?.spec.diskFileSpecMap.get(copy.diskUUID)?.evictionRequested
    if (isGoing === true || !isReadySoon(copy)) return []
    return [
      copy.state === 'ready' ? 100 : (image?.status.diskFileStatusMap.get(copy.diskUUID)?.progress ?? 0),
    ]
  })
  return Math.min(100, Math.max(0, ...parts))
}

function percentOf(done: number, total: number): number | undefined {
  return total > 0 ? Math.floor((100 * done) / total) : undefined
}

function sum(sizes: readonly (number | undefined)[]): number | undefined {
  return sizes.reduce((so, size) => (so === undefined || size === undefined ? undefined : so + size), 0)
}

/** `1.2 GiB of 4 GiB, 30%`; empty where nothing is known. */
export function progressText({ bytes, percent }: Progress): string {
  const parts = [
    ...(bytes && bytes.total > 0 ? [`${sizeText(bytes.done)} of ${sizeText(bytes.total)}`] : []),
    ...(percent === undefined ? [] : [`${percent}%`]),
  ]
  return parts.join(', ')
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** A number of bytes with two digits or more: `640 MiB`, `1.5 GiB`. */
function sizeText(bytes: number): string {
  const at = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1_024 ** at
  const rounded = amount < 10 ? Math.round(amount * 10) / 10 : Math.round(amount)
  return `${rounded} ${units[at] ?? 'B'}`
}
