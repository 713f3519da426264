import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { findLonghorn, hasLonghorn, noLonghornIn } from '../disk-map/has-longhorn.ts'
import type { Knowledge } from '../gate/ports.ts'

/** What it depends on whether a replica can judge. */
export interface ReadinessModules {
  readonly map: Pick<DiskMapView, 'release' | 'nodes'>
  readonly knowledge: Pick<Knowledge, 'synced' | 'ageMs'>
}

/** What the operator decides about it. */
export interface ReadinessOptions {
  readonly longhornNamespace: string
  /** How old the disk map may be to admit an arming change, in milliseconds. */
  readonly maxAgeMs: number
}

/**
 * Why a replica cannot judge, so that a Service should ask another; undefined if it can.
 *
 * @returns sentences for whoever reads `/readyz`
 */
export function whyUnready(
  { map, knowledge }: ReadinessModules,
  { longhornNamespace, maxAgeMs }: ReadinessOptions,
): string | undefined {
  if (!knowledge.synced)
    return 'not all Longhorn objects have been read yet, so writes that could raise danger are refused.'
  if (knowledge.ageMs() > maxAgeMs) {
    return `the API server has given no sign of life for ${Math.round(knowledge.ageMs() / 1_000)} s, so writes that could raise danger are refused.`
  }
  if (hasLonghorn(map)) return undefined
  return `${noLonghornIn(longhornNamespace)} ${findLonghorn}`
}
