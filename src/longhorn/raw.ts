import { group, type LonghornObject, version } from './kinds.ts'
import { type Metadata, overrideAnnotation } from './metadata.ts'
import type { NotReady } from './node.ts'

/** An object in the API server's form, with only the fields that Holdfast reads. */
export interface RawObject {
  readonly apiVersion: string
  readonly kind: LonghornObject['kind']
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec?: object
  readonly status?: object
  /** For a Setting. */
  readonly value?: string
}

/**
 * The reverse of parsing: `kinds[kind].parse` of the result yields the object again. Fields that no decision
 * needs, such as the address and the credentials of a download, are left out.
 */
export function rawOf(object: LonghornObject): RawObject {
  const { kind } = object
  const metadata = { ...rawMetadata(object.metadata), ...writtenAt(object) }
  return { apiVersion: `${group}/${version}`, kind, metadata, ...bodyOf(object) }
}

function bodyOf(object: LonghornObject): Pick<RawObject, 'spec' | 'status' | 'value'> {
  switch (object.kind) {
    case 'Node': {
      const { spec, status } = object
      const diskStatus = entriesOf(status.diskStatus, ({ diskUUID, ...state }) => ({
        diskUUID: diskUUID ?? '',
        conditions: conditions(state),
      }))
      return {
        spec: { ...spec, disks: entriesOf(spec.disks, (disk) => disk) },
        status: { conditions: conditions(status), diskStatus },
      }
    }
    case 'BackingImage': {
      const { spec, status } = object
      return {
        spec: { ...spec, diskFileSpecMap: entriesOf(spec.diskFileSpecMap, (file) => file) },
        status: {
          diskFileStatusMap: entriesOf(status.diskFileStatusMap, (file) => file),
          ...(status.size !== undefined && { size: status.size }),
        },
      }
    }
    case 'BackingImageDataSource':
      return { spec: { ...object.spec, diskUUID: object.spec.diskUUID ?? '' } }
    case 'BackingImageManager':
      return { spec: object.spec, status: object.status }
    case 'Replica': {
      const { volumeSize, ...spec } = object.spec
      return { spec: volumeSize === undefined ? spec : { ...spec, volumeSize: String(volumeSize) } }
    }
    case 'Setting':
      return { value: object.value }
  }
}

function rawMetadata({ name, namespace, uid, resourceVersion, generation, ...marks }: Metadata) {
  const annotations = {
    ...(marks.uninstalling ? { [uninstallMark]: '' } : {}),
    ...(marks.override === undefined ? {} : { [overrideAnnotation]: marks.override }),
  }
  return {
    name,
    namespace,
    uid,
    resourceVersion,
    generation,
    // The time of the deletion is lost; only the fact counts.
    ...(marks.terminating ? { deletionTimestamp: '1970-01-01T00:00:00Z' } : {}),
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
  }
}

/** When the status of a node was last written. It dates why a node is not ready. */
function writtenAt(object: LonghornObject) {
  const time = object.kind === 'Node' ? object.status.writtenAt : undefined
  if (time === undefined) return {}
  return { managedFields: [{ subresource: 'status', time: new Date(time).toISOString() }] }
}

/** One of the annotations that Longhorn's uninstaller puts on objects. */
const uninstallMark = 'longhorn.io/delete-object-from-longhorn'

interface State {
  readonly ready: boolean
  readonly notReady: NotReady | undefined
  readonly schedulable: boolean
}

function conditions({ ready, notReady, schedulable }: State) {
  return [
    ...(ready || notReady ? [{ type: 'Ready', ...(notReady ? whyNot(notReady) : { status: 'True' }) }] : []),
    { type: 'Schedulable', status: schedulable ? 'True' : 'False' },
  ]
}

function whyNot({ reason, since }: NotReady) {
  const lastTransitionTime = since === undefined ? '' : new Date(since).toISOString()
  return { status: 'False', reason, lastTransitionTime }
}

/** Keys are free strings, `__proto__` too. */
function entriesOf<T, R>(map: ReadonlyMap<string, T>, raw: (entry: T) => R): Record<string, R> {
  return Object.fromEntries([...map].map(([key, entry]) => [key, raw(entry)]))
}
