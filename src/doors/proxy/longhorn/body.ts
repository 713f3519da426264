import { membersOf } from '../../../json/text.ts'
import { mostBytesOfCall, mostValuesOfCall } from '../../http/body.ts'
import { hasMoreValues } from '../../../json/schema.ts'
import type { Call } from './call.ts'

/** Thrown for a body that does not fit the call; Longhorn would not understand it either. */
export class BadBody extends Error {
  /** The status of the answer. */
  readonly status: 400 | 413

  constructor(call: Call['call'], problem: string, status: BadBody['status'] = 400) {
    super(`The body of a ${call} cannot be read, so Holdfast cannot tell whether it is safe: ${problem}`)
    this.name = 'BadBody'
    this.status = status
  }
}

/** The content of a call's body. */
interface Said {
  readonly fields: Fields
  /**
   * The text to forward instead of the original, which servers can read differently: Go skips a `null` of a
   * duplicate name. Undefined for an unread body.
   */
  readonly body?: Buffer
}

/** The relevant names; the UI sends back all that it got. */
const known: Readonly<Record<'node-update' | 'disk-update' | 'image-cleanup', readonly string[]>> = {
  'node-update': ['allowScheduling', 'evictionRequested', 'tags'],
  'disk-update': ['disks'],
  'image-cleanup': ['disks'],
}

/** The relevant names of a disk. */
const knownOfDisk = [
  'path',
  'diskType',
  'diskDriver',
  'allowScheduling',
  'evictionRequested',
  'storageReserved',
  'tags',
]

/** Reads the body of a call; an empty one has no fields. @throws BadBody */
export function readSaid({ call }: Call, body: Buffer): Said {
  if (call === 'node-delete' || call === 'image-delete' || body.length === 0) return { fields: new Map() }
  if (body.length > mostBytesOfCall)
    throw new BadBody(call, `it is larger than ${mostBytesOfCall} bytes, more than any call needs`, 413)
  const text = body.toString('utf8')
  if (hasMoreValues(mostValuesOfCall, text))
    throw new BadBody(call, `it has more than ${mostValuesOfCall} values, more than any node or image`, 413)
  try {
    JSON.parse(text)
  } catch (error) {
    throw new BadBody(call, error instanceof Error ? error.message : String(error))
  }
  const members = textsOf(text, known[call])
  if (!members) throw new BadBody(call, 'it must be a JSON object')
  const disks = call === 'disk-update' ? textsOf(members.get('disks') ?? '', []) : undefined
  if (disks) {
    const read = [...disks].map(([name, disk]) => [name, diskText(disk)] as const)
    members.set('disks', objectText(new Map(read)))
  }
  // The judged content is read from the very texts that are forwarded.
  const fields = known[call].flatMap((name) => {
    const value = members.get(name)
    return value === undefined ? [] : [[name, JSON.parse(value) as unknown] as const]
  })
  return { fields: new Map(fields), body: Buffer.from(objectText(members)) }
}

function diskText(text: string): string {
  const members = textsOf(text, knownOfDisk)
  return members ? objectText(members) : text
}

/** The relevant members, by their names. */
export type Fields = ReadonlyMap<string, unknown>

/**
 * The texts of an object's members as Longhorn finds them. Its encoding/json ignores case and takes the last
 * of several names. Known names come out once, as they are spelt here.
 *
 * @param text valid JSON
 * @returns undefined for anything but an object
 */
function textsOf(text: string, known: readonly string[]): Map<string, string> | undefined {
  const spelt = new Map(known.map((name) => [folded(name), name]))
  const longest = Math.max(0, ...known.map(({ length }) => length))
  // Folding makes no name shorter.
  const spelling = (name: string): string =>
    name.length > longest ? name : (spelt.get(folded(name)) ?? name)
  const members = membersOf(text)
  return members && new Map(members.map(({ name, value }) => [spelling(name), value]))
}

/** An object with these members, each value in its original text. */
function objectText(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/** For Go, the long s is an s, and the Kelvin sign a k. */
function folded(name: string): string {
  return name.toUpperCase().replaceAll('\u212a', 'K')
}
