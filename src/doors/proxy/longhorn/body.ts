import { membersOf } from '../../../json/text.ts'
import { hasMoreValues, mostValuesOfCall } from '../../http/kept-bytes.ts'
import type { Call } from './call.ts'

/** Thrown for a body that is not what the call takes; Longhorn would not understand it either. */
export class BadBody extends Error {
  constructor(call: Call['call'], problem: string) {
    super(`The body of a ${call} cannot be read, so it cannot be told whether it is safe: ${problem}`)
    this.name = 'BadBody'
  }
}

/** What a call says in its body. */
interface Said {
  readonly fields: Fields
  /**
   * What is passed on in the place of what came, since they can be read differently: of a name that is there twice, Go
   * skips a `null`. Undefined for a body that is not looked at.
   */
  readonly body?: Buffer
}

/** The names that count, of all that the UI sends back as it got it. */
const known: Readonly<Record<'node-update' | 'disk-update' | 'image-cleanup', readonly string[]>> = {
  'node-update': ['allowScheduling', 'evictionRequested', 'tags'],
  'disk-update': ['disks'],
  'image-cleanup': ['disks'],
}

/** The same of a disk. */
const knownOfDisk = [
  'path',
  'diskType',
  'diskDriver',
  'allowScheduling',
  'evictionRequested',
  'storageReserved',
  'tags',
]

/** Reads the body of a call; an empty one says nothing. @throws BadBody */
export function readSaid({ call }: Call, body: Buffer): Said {
  if (call === 'node-delete' || call === 'image-delete' || body.length === 0) return { fields: new Map() }
  const text = body.toString('utf8')
  if (hasMoreValues(mostValuesOfCall, text))
    throw new BadBody(call, `it has more than ${mostValuesOfCall} values, more than any node or image`)
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
  const said = objectText(members)
  // What is judged is read from the very text that is passed on.
  return { fields: new Map(Object.entries(JSON.parse(said) as object)), body: Buffer.from(said) }
}

function diskText(text: string): string {
  const members = textsOf(text, knownOfDisk)
  return members ? objectText(members) : text
}

/** The members of a JSON object, by their names. */
export type Fields = ReadonlyMap<string, unknown>

/**
 * The texts of the members of an object as Longhorn finds them, whose encoding/json takes names in whatever case and, of
 * several, the last: those that are known come out once, as they are spelt here.
 *
 * @param text valid JSON
 * @returns undefined if it is no object
 */
function textsOf(text: string, known: readonly string[]): Map<string, string> | undefined {
  const spelt = new Map(known.map((name) => [folded(name), name]))
  const members = membersOf(text)
  return members && new Map(members.map(({ name, value }) => [spelt.get(folded(name)) ?? name, value]))
}

/** An object with these members, each value as it is written. */
function objectText(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

/** To Go, the long s is an s, and the Kelvin sign a k. */
function folded(name: string): string {
  return name.toUpperCase().replaceAll('\u212a', 'K')
}
