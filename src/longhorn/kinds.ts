import type { Parsed } from '../json/schema.ts'
import {
  type BackingImage,
  type BackingImageDataSource,
  type BackingImageManager,
  parseBackingImage,
  parseBackingImageDataSource,
  parseBackingImageManager,
} from './backing-image.ts'
import { type Node, parseNode } from './node.ts'
import { parseReplica, type Replica } from './replica.ts'
import { parseSetting, type Setting } from './setting.ts'

/** Longhorn's API group. `nodes.longhorn.io` shares its plural with core nodes, so the group is always named. */
export const group = 'longhorn.io'

/**
 * The version that Holdfast reads and judges. Longhorn 1.6–1.8 still serves `v1beta1`, and the API server
 * converts it.
 */
export const version = 'v1beta2'

/** Every parsed object that the disk map is made of. */
export type LonghornObject =
  Node | BackingImage | BackingImageDataSource | BackingImageManager | Replica | Setting

/** The kinds of Longhorn that Holdfast reads. */
export type Kind = LonghornObject['kind']

/** The parsed object of one kind. */
export type ObjectOf<K extends Kind> = Extract<LonghornObject, { kind: K }>

interface KindFacts<K extends Kind> {
  /** The resource in URLs and reviews. */
  readonly plural: string
  readonly shortName: string
  readonly parse: (raw: unknown) => Parsed<ObjectOf<K>>
}

/** All of these reasons. */
export const allKinds: readonly Kind[] = [
  'Setting',
  'Node',
  'BackingImage',
  'BackingImageDataSource',
  'BackingImageManager',
  'Replica',
]

/** The facts about each kind (longhorn.md §1). All are namespaced. */
export const kinds: { readonly [K in Kind]: KindFacts<K> } = {
  Node: { plural: 'nodes', shortName: 'lhn', parse: parseNode },
  BackingImage: { plural: 'backingimages', shortName: 'lhbi', parse: parseBackingImage },
  BackingImageDataSource: {
    plural: 'backingimagedatasources',
    shortName: 'lhbids',
    parse: parseBackingImageDataSource,
  },
  BackingImageManager: {
    plural: 'backingimagemanagers',
    shortName: 'lhbim',
    parse: parseBackingImageManager,
  },
  Replica: { plural: 'replicas', shortName: 'lhr', parse: parseReplica },
  Setting: { plural: 'settings', shortName: 'lhs', parse: parseSetting },
}

/** Compiles the schemas of all kinds. Otherwise each is compiled when its first object comes, while requests wait. */
export function compileKinds(): void {
  for (const kind of allKinds) kinds[kind].parse(undefined)
}
