import type { BackingImage } from '../../../longhorn/backing-image.ts'
import type { Metadata } from '../../../longhorn/metadata.ts'
import { type Node, parseNode } from '../../../longhorn/node.ts'
import type { Change, Request } from '../../../rules/change.ts'
import { BadBody, type Fields } from './body.ts'
import type { Call } from './call.ts'

/** True for a call that raises no danger, whatever its object. */
export function isHarmless({ call }: Call, fields: Fields): boolean {
  const requested = fields.get('evictionRequested')
  return call === 'node-update' && (requested === undefined || requested === null || requested === false)
}

/**
 * The change that a call would make to this object.
 *
 * @param before the current object of the call
 * @throws BadBody
 */
export function changeOf(call: Call, before: Node | BackingImage, fields: Fields, request: Request): Change {
  if (before.kind === 'Node') {
    const base = { kind: 'Node', request, before } as const
    if (call.call === 'node-delete') return { ...base, operation: 'DELETE' }
    return { ...base, operation: 'UPDATE', after: { ...before, spec: specAfter(call, before, fields) } }
  }
  const base = { kind: 'BackingImage', request, before } as const
  if (call.call === 'image-delete') return { ...base, operation: 'DELETE' }
  const diskFileSpecMap = new Map(before.spec.diskFileSpecMap)
  for (const uuid of cleaned(call, fields)) diskFileSpecMap.delete(uuid)
  return { ...base, operation: 'UPDATE', after: { ...before, spec: { ...before.spec, diskFileSpecMap } } }
}

/** Longhorn does not merge: it clears a missing field, and removes a missing disk (longhorn.md §5). */
function specAfter(call: Call, { metadata, spec }: Node, fields: Fields): Node['spec'] {
  if (call.call === 'disk-update') {
    return { ...spec, disks: readSpec(call, metadata, { disks: fields.get('disks') }).disks }
  }
  const { allowScheduling, evictionRequested, tags } = readSpec(call, metadata, {
    allowScheduling: fields.get('allowScheduling'),
    evictionRequested: fields.get('evictionRequested'),
    tags: fields.get('tags'),
  })
  return { ...spec, allowScheduling, evictionRequested, tags }
}

function readSpec({ call }: Call, { name, resourceVersion }: Metadata, spec: object): Node['spec'] {
  const said = Object.entries(spec).filter(([, value]) => value !== undefined)
  const parsed = parseNode({ metadata: { name, resourceVersion }, spec: Object.fromEntries(said) })
  if (!parsed.ok) throw new BadBody(call, parsed.problem)
  return parsed.value.spec
}

function cleaned({ call }: Call, fields: Fields): string[] {
  const disks = fields.get('disks') ?? []
  if (Array.isArray(disks) && disks.every((each): each is string => typeof each === 'string')) return disks
  throw new BadBody(call, 'disks must be a list of disk UUIDs')
}
