import { Type } from 'typebox'
import { fieldOf, fieldsOf, isFields, parser, sameJson } from '../../json/schema.ts'
import { MetadataSchema, readMetadata } from '../../longhorn/metadata.ts'
import { type Actor, isDeletingController, type JudgedKind } from '../../rules/change.ts'
import { plainLine, shortened } from '../../text/plain-text.ts'

/** A write with an unreadable object, with the objects as they came. */
interface RawWrite {
  readonly kind: JudgedKind
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  /** Undefined on CREATE. */
  readonly before: unknown
  /** Undefined on DELETE. */
  readonly after: unknown
  /** The user. */
  readonly actor: Actor
  /** True where the metadata of the object is too large to be read. */
  readonly isCrowded: boolean
}

/** Keys of maps are free strings of any length; the limit is in UTF-16 units. */
const longestReason = 512

/**
 * Whether an unreadable write could contribute to danger, by its raw JSON. It compares the known arming
 * fields; a field of another form counts as arming as soon as it changes.
 *
 * - CREATE has nothing to compare with. A node without flags may join: a manager that starts creates its own.
 * - DELETE of a node with disks could leave copies behind; deleting an image or a data source is intended.
 * - Objects that are being deleted pass: refusing would block an uninstall (kubernetes.md, The request). So
 *   do deletions by the namespace controller and the garbage collector.
 *
 * @returns the possible danger, as the end of a sentence (`the write raises spec.evictionRequested`);
 * undefined if there is none
 */
export function looksArming(write: RawWrite): string | undefined {
  const why = arms(write)
  return why && shortened(plainLine(why), longestReason)
}

function arms(write: RawWrite): string | undefined {
  if (isLeaving(write)) return undefined
  const before = fieldsOf(write.before)
  const after = fieldsOf(write.after)
  if (!before || !after) return 'an object of the review is not a JSON object'
  switch (write.kind) {
    case 'Node':
      return write.operation === 'DELETE'
        ? nodeDeletion(before.get('spec'))
        : nodeWrite(before.get('spec'), after.get('spec'), write.operation)
    case 'BackingImage':
      return write.operation === 'UPDATE' ? imageUpdate(before.get('spec'), after.get('spec')) : undefined
    case 'BackingImageDataSource':
      return write.operation === 'DELETE' ? undefined : dataSourceWrite(before.get('spec'), after.get('spec'))
  }
}

const parseMetadata = parser(Type.Object({ metadata: MetadataSchema }), ({ metadata }) =>
  readMetadata(metadata),
)

function isLeaving({ operation, before, after, actor, isCrowded }: RawWrite): boolean {
  if (operation === 'DELETE' && isDeletingController(actor)) return true
  if (isCrowded) return false
  const metadata = parseMetadata(before ?? after)
  if (!metadata.ok) return false
  return metadata.value.terminating || (operation === 'DELETE' && metadata.value.uninstalling)
}

function nodeDeletion(json: unknown): string | undefined {
  const spec = fieldsOf(json)
  const disks = spec && fieldsOf(spec.get('disks'))
  if (!disks) return 'the node is deleted, and its disks are unreadable'
  return disks.size > 0 ? 'the node is deleted together with its disks' : undefined
}

function nodeWrite(before: unknown, after: unknown, operation: 'CREATE' | 'UPDATE'): string | undefined {
  const [old, next] = [fieldsOf(before), fieldsOf(after)]
  if (!old || !next) return changed('spec', before, after)
  if (raises(old.get('evictionRequested'), next.get('evictionRequested'))) {
    return 'the write raises spec.evictionRequested'
  }
  const [oldDisks, nextDisks] = [fieldsOf(old.get('disks')), fieldsOf(next.get('disks'))]
  if (!oldDisks || !nextDisks) return changed('spec.disks', old.get('disks'), next.get('disks'))
  for (const [disk, json] of nextDisks) {
    // A disk that joins a flagged node arms (o7), and an unreadable node's flag cannot be trusted.
    if (operation === 'UPDATE' && !oldDisks.has(disk)) return `the write adds disk ${disk}`
    const why = diskWrite(`spec.disks.${disk}`, oldDisks.get(disk), json)
    if (why !== undefined) return why
  }
  const gone = [...oldDisks.keys()].find((disk) => !nextDisks.has(disk))
  return gone === undefined ? undefined : `the write removes disk ${gone}`
}

function diskWrite(where: string, before: unknown, after: unknown): string | undefined {
  if (!isFields(before) || !isFields(after)) return changed(where, before, after)
  // A review can have a hundred thousand disks, so no map is made of each.
  const raised = raises(fieldOf(before, 'evictionRequested'), fieldOf(after, 'evictionRequested'))
  return raised ? `the write raises ${where}.evictionRequested` : undefined
}

function imageUpdate(before: unknown, after: unknown): string | undefined {
  const [old, next] = [fieldsOf(before), fieldsOf(after)]
  if (!old || !next) return changed('spec', before, after)
  const [oldCopies, nextCopies] = [old.get('diskFileSpecMap'), next.get('diskFileSpecMap')]
  const [was, is] = [fieldsOf(oldCopies), fieldsOf(nextCopies)]
  if (!was || !is) return changed('spec.diskFileSpecMap', oldCopies, nextCopies)
  const gone = [...was.keys()].find((uuid) => !is.has(uuid))
  return gone === undefined ? undefined : `the write removes the copy on disk ${gone}`
}

function dataSourceWrite(before: unknown, after: unknown): string | undefined {
  const [old, next] = [fieldsOf(before), fieldsOf(after)]
  if (!old || !next) return changed('spec', before, after)
  for (const field of ['diskUUID', 'nodeID']) {
    const [was, is] = [old.get(field), next.get(field)]
    // Longhorn writes "" until it has chosen; clearing a choice places nothing.
    if (is !== undefined && is !== null && is !== '' && !sameJson(was, is)) {
      return `the write sets spec.${field}`
    }
  }
  return raises(next.get('fileTransferred'), old.get('fileTransferred'))
    ? 'the write makes Longhorn create the first file again'
    : undefined
}

/**
 * Absent, null and false are down. A value that is no boolean counts as up, since a new release may give it
 * another form.
 */
function raises(before: unknown, after: unknown): boolean {
  const down = after === undefined || after === null || after === false
  return !down && !sameJson(before, after)
}

function changed(where: string, before: unknown, after: unknown): string | undefined {
  return sameJson(before, after) ? undefined : `the write changes ${where}, which has an unknown form`
}
