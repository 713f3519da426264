import type { ObjectOf } from '../longhorn/kinds.ts'
import type { DiskMapView } from './disk-map-view.ts'

/** The kinds that are looked up by their name. */
type NamedKind = 'Node' | 'BackingImage' | 'BackingImageDataSource'

/** The object of this kind and name as the map has it; undefined if it lacks it. */
export function objectOf(map: DiskMapView, kind: NamedKind, name: string): ObjectOf<NamedKind> | undefined {
  switch (kind) {
    case 'Node':
      return map.node(name)
    case 'BackingImage':
      return map.image(name)
    case 'BackingImageDataSource':
      return map.dataSource(name)
  }
}
