import type { JudgedKind } from '../../src/rules/change.ts'
import { disk, rawNode, rawSource, uuid } from '../fixtures/raw-objects.ts'
import type { Random } from './random.ts'
import { allOf, copyOf, type Fields, fieldsAt, type RawObject, type RawObjects } from './raw.ts'

/** A write that a client could ask for: the object as it is stored, and as it is to be. */
export interface AnyWrite {
  readonly kind: JudgedKind
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly before: RawObject | undefined
  readonly after: RawObject | undefined
}

type Edit = (object: RawObject, random: Random) => void

const kinds: readonly JudgedKind[] = [
  'Node',
  'Node',
  'Node',
  'BackingImage',
  'BackingImage',
  'BackingImageDataSource',
]

/** Mostly the small edits that people and controllers make. */
export function anyWrite(objects: RawObjects, random: Random): AnyWrite {
  const kind = random.oneOf(kinds)
  const stored = allOf(objects, kind)
  if (stored.length === 0 || random.chance(0.05)) return creation(kind, random)
  const before = random.oneOf(stored)
  if (random.chance(0.06)) return { kind, operation: 'DELETE', before, after: undefined }
  const after = copyOf(before)
  for (let count = random.chance(0.75) ? 1 : 2; count > 0; count -= 1)
    random.oneOf(edits[kind])(after, random)
  return { kind, operation: 'UPDATE', before, after }
}

function disksOf(node: RawObject): Fields[] {
  return Object.values(fieldsAt(node, 'spec', 'disks')).map((each) => fieldsAt(each))
}

const clearAll: Edit = (node) => {
  for (const holder of [fieldsAt(node, 'spec'), ...disksOf(node)])
    if (holder.evictionRequested === true) holder.evictionRequested = false
}

const nodeEdits: readonly Edit[] = [
  (node) => {
    const spec = fieldsAt(node, 'spec')
    spec.evictionRequested = spec.evictionRequested !== true
  },
  (node, random) => {
    for (const each of random.someOf(disksOf(node))) each.evictionRequested = each.evictionRequested !== true
  },
  (node, random) => {
    for (const each of random.someOf(disksOf(node), 0.8)) each.evictionRequested = true
  },
  clearAll,
  (node, random) => {
    const disks = fieldsAt(node, 'spec', 'disks')
    for (const name of random.someOf(Object.keys(disks), 0.4)) Reflect.deleteProperty(disks, name)
  },
  (node, random) => {
    const disks = fieldsAt(node, 'spec', 'disks')
    const known = Object.keys(fieldsAt(node, 'status', 'diskStatus'))
    const name = random.oneOf([...known, 'd1', 'd9'])
    const { disks: made } = rawNode('', [disk(name, { evictionRequested: random.chance(0.3) })]).spec
    if (!Object.hasOwn(disks, name)) Object.assign(disks, made)
  },
  (node, random) => {
    fieldsAt(node, 'spec').tags = random.someOf(['fast', 'slow'])
  },
]

const filesOf = (image: RawObject): Fields => fieldsAt(image, 'spec', 'diskFileSpecMap')

const imageEdits: readonly Edit[] = [
  (image, random) => {
    for (const key of random.someOf(Object.keys(filesOf(image)), 0.4))
      Reflect.deleteProperty(filesOf(image), key)
  },
  (image, random) => {
    const keys = Object.keys(filesOf(image))
    if (keys.length > 0) Reflect.deleteProperty(filesOf(image), random.oneOf(keys))
  },
  (image, random) => {
    for (const key of random.chance(0.3) ? Object.keys(filesOf(image)) : [])
      Reflect.deleteProperty(filesOf(image), key)
  },
  (image, random) => {
    filesOf(image)[uuid(`d${1 + random.below(6)}`)] = random.oneOf([
      {},
      { evictionRequested: false, dataEngine: 'v1' },
    ])
  },
  (image, random) => {
    for (const file of random.someOf(Object.values(filesOf(image))))
      fieldsAt(file).evictionRequested = random.chance(0.7)
  },
  (image, random) => {
    fieldsAt(image, 'spec').minNumberOfCopies = random.below(4)
  },
]

const sourceEdits: readonly Edit[] = [
  (source, random) => {
    fieldsAt(source, 'spec').diskUUID = random.oneOf(['', uuid(`d${1 + random.below(6)}`)])
  },
  (source, random) => {
    fieldsAt(source, 'spec').fileTransferred = random.chance(0.5)
  },
]

const annotate: Edit = (object, random) => {
  const names = ['note', 'holdfast.dev/override', 'longhorn.io/delete-node-from-longhorn']
  object.metadata.annotations = { [random.oneOf(names)]: random.oneOf(['', 'because', '\u001b[2J\u202e']) }
}

const edits: Readonly<Record<JudgedKind, readonly Edit[]>> = {
  Node: [...nodeEdits, ...nodeEdits, annotate],
  BackingImage: [...imageEdits, ...imageEdits, annotate],
  BackingImageDataSource: [...sourceEdits, annotate],
}

function creation(kind: JudgedKind, random: Random): AnyWrite {
  const name = random.oneOf(['n4', 'i3', 'n1', 'i1'])
  const metadata = { name, namespace: 'longhorn-system' }
  const base = { apiVersion: 'longhorn.io/v1beta2', kind, metadata }
  const on = `d${1 + random.below(8)}`
  const { spec } =
    kind === 'Node'
      ? rawNode(name, [disk(on)], { evictionRequested: random.chance(0.3) })
      : kind === 'BackingImage'
        ? { spec: { diskFileSpecMap: { [uuid(on)]: {} }, sourceType: 'download' } }
        : rawSource(name, on, random.chance(0.3))
  return { kind, operation: 'CREATE', before: undefined, after: { ...base, spec } }
}
