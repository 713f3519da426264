import type { BackingImage } from '../../longhorn/backing-image.ts'
import type { Metadata } from '../../longhorn/metadata.ts'
import { parseNode, type Node } from '../../longhorn/node.ts'
import type { Change, Request } from '../../rules/change.ts'
import type { Call } from './call.ts'
import { field, type Fields } from './fields.ts'

/** Thrown for a body that is not what the call takes; Longhorn would not understand it either. */
export class BadBody extends Error {
  constructor(call: Call['call'], problem: string) {
    super(`The body of a ${call} cannot be read, so it cannot be told whether it is safe: ${problem}`)
    this.name = 'BadBody'
  }
}

/** True for a call that raises no danger, whatever the object is like: clearing flags never waits (longhorn.md §2). */
export function isHarmless({ call }: Call, body: Fields): boolean {
  const requested = field(body, 'evictionRequested')
  return call === 'node-update' && (requested === undefined || requested === null || requested === false)
}

/**
 * What a call would change, were it done on this object.
 *
 * @param before the object of the call, as it is now
 * @throws BadBody
 */
export function changeOf(call: Call, before: Node | BackingImage, body: Fields, request: Request): Change {
  if (before.kind === 'Node') {
    const base = { kind: 'Node', request, before } as const
    if (call.call === 'node-delete') return { ...base, operation: 'DELETE' }
    return { ...base, operation: 'UPDATE', after: { ...before, spec: specAfter(call, before, body) } }
  }
  const base = { kind: 'BackingImage', request, before } as const
  if (call.call === 'image-delete') return { ...base, operation: 'DELETE' }
  const diskFileSpecMap = new Map(before.spec.diskFileSpecMap)
  for (const uuid of cleaned(call, body)) diskFileSpecMap.delete(uuid)
  return { ...base, operation: 'UPDATE', after: { ...before, spec: { ...before.spec, diskFileSpecMap } } }
}

/** Nothing is merged: a field that is missing is cleared, and a disk that is left out is removed (longhorn.md §5). */
function specAfter(call: Call, { metadata, spec }: Node, body: Fields): Node['spec'] {
  if (call.call === 'node-update') {
    const { allowScheduling, evictionRequested, tags } = readSpec(call, metadata, {
      allowScheduling: field(body, 'allowScheduling'),
      evictionRequested: field(body, 'evictionRequested'),
      tags: field(body, 'tags'),
    })
    return { ...spec, allowScheduling, evictionRequested, tags }
  }
  const disks = field(body, 'disks')
  const named =
    typeof disks === 'object' && disks !== null
      ? Object.fromEntries(Object.entries(disks).map(([name, disk]) => [name, diskFields(disk)]))
      : disks
  return { ...spec, disks: readSpec(call, metadata, { disks: named }).disks }
}

function diskFields(disk: unknown): unknown {
  if (typeof disk !== 'object' || disk === null) return disk
  const names = [
    'path',
    'diskType',
    'diskDriver',
    'allowScheduling',
    'evictionRequested',
    'storageReserved',
    'tags',
  ]
  return Object.fromEntries(names.map((name) => [name, field(Object.entries(disk), name)]))
}

function readSpec(call: Call, { name, resourceVersion }: Metadata, spec: object): Node['spec'] {
  // What JSON cannot say is not there.
  const parsed = parseNode(JSON.parse(JSON.stringify({ metadata: { name, resourceVersion }, spec })))
  if (!parsed.ok) throw new BadBody(call.call, parsed.problem)
  return parsed.value.spec
}

function cleaned({ call }: Call, body: Fields): string[] {
  const disks = field(body, 'disks') ?? []
  if (Array.isArray(disks) && disks.every((each): each is string => typeof each === 'string')) return disks
  throw new BadBody(call, 'disks must be a list of disk UUIDs')
}
