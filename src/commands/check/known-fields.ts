import { isJsonObject, type JsonObject } from '../../json/schema.ts'
import type { JudgedKind } from '../../rules/change.ts'

/** The fields below a field: any, these, or any names with the same fields below each. */
type Shape = 'anything' | { readonly fields: Fields } | { readonly each: Shape }
type Fields = Readonly<Record<string, Shape>>

/** Fields without known fields below: texts, numbers, booleans, lists of these, maps of texts. */
function plain(...names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, 'anything']))
}

/** `metadata` of every object. */
const metadata = plain(
  ...['name', 'generateName', 'namespace', 'labels', 'annotations', 'finalizers', 'ownerReferences'],
  ...['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp'],
  ...['deletionGracePeriodSeconds', 'selfLink', 'managedFields'],
)

/** The fields of `spec` in Longhorn's definitions of v1beta2; the same from 1.6 to 1.12. */
const specs: Readonly<Record<JudgedKind, Fields>> = {
  Node: {
    ...plain('name', 'allowScheduling', 'evictionRequested', 'tags', 'instanceManagerCPURequest'),
    disks: {
      each: {
        fields: plain(
          ...[
            'path',
            'diskType',
            'diskDriver',
            'allowScheduling',
            'evictionRequested',
            'storageReserved',
            'tags',
          ],
        ),
      },
    },
  },
  BackingImage: {
    ...plain('checksum', 'dataEngine', 'diskSelector', 'disks', 'minNumberOfCopies', 'nodeSelector'),
    ...plain('secret', 'secretNamespace', 'sourceParameters', 'sourceType'),
    diskFileSpecMap: { each: { fields: plain('dataEngine', 'evictionRequested') } },
  },
  BackingImageDataSource: plain(
    ...['checksum', 'diskPath', 'diskUUID', 'fileTransferred', 'nodeID', 'parameters', 'sourceType', 'uuid'],
  ),
}

/**
 * A predicate: true for a path such as `spec.disks.*.tags` if spec has that field, or if a field above it may have any.
 *
 * @returns undefined for a kind that is not judged, whose fields are not listed
 */
export function knownInSpec(kind: string): ((path: string) => boolean) | undefined {
  const fields = new Map<string, Fields>(Object.entries(specs)).get(kind)
  return fields && ((path) => isKnown(path.split('.').slice(1), { fields }))
}

function isKnown([name, ...rest]: readonly string[], shape: Shape): boolean {
  if (name === undefined || shape === 'anything') return true
  if ('each' in shape) return isKnown(rest, shape.each)
  const below = shape.fields[name.replace(/\[\]$/, '')]
  return below !== undefined && isKnown(rest, below)
}

/** A field that the API server drops. */
interface UnknownField {
  /** As the API server writes it: `spec.disks.disk-1.evictionReqested`. */
  readonly path: string
  /** Its last name. */
  readonly name: string
  /** The known names at that place. */
  readonly known: readonly string[]
}

/**
 * The fields of an object that Longhorn's definitions lack. It ignores the status, since a write does not
 * change that.
 *
 * @returns in order of their paths
 */
export function unknownFields(kind: JudgedKind, object: JsonObject): UnknownField[] {
  const shape: Shape = {
    fields: {
      ...plain('apiVersion', 'kind', 'status'),
      metadata: { fields: metadata },
      spec: { fields: specs[kind] },
    },
  }
  return [...unknownIn(object, shape, '')].toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function* unknownIn(value: unknown, shape: Shape, path: string): Generator<UnknownField, void> {
  if (shape === 'anything' || !isJsonObject(value)) return
  for (const [name, below] of Object.entries(value)) {
    const its = path === '' ? name : `${path}.${name}`
    if ('each' in shape) yield* unknownIn(below, shape.each, its)
    else if (Object.hasOwn(shape.fields, name)) yield* unknownIn(below, shape.fields[name] ?? 'anything', its)
    else yield { path: its, name, known: Object.keys(shape.fields) }
  }
}
