import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { findLonghorn, hasLonghorn, noLonghornIn } from '../disk-map/has-longhorn.ts'
import { CannotRun } from './exit-code.ts'

/** In a namespace without a Longhorn nothing is wrong, and nothing was looked at. @throws CannotRun */
export function insistOnLonghorn(map: Pick<DiskMapView, 'release' | 'nodes'>, namespace: string): void {
  if (!hasLonghorn(map)) throw new CannotRun(`${noLonghornIn(namespace)} ${findLonghorn}`)
}
