import type { Call } from './call.ts'
import { fieldsOf, isObject, type Fields } from './fields.ts'

/** Thrown for a body that is not what the call takes; Longhorn would not understand it either. */
export class BadBody extends Error {
  constructor(call: Call['call'], problem: string) {
    super(`The body of a ${call} cannot be read, so it cannot be told whether it is safe: ${problem}`)
    this.name = 'BadBody'
  }
}

/** What a call says in its body. */
export interface Said {
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
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new BadBody(call, error instanceof Error ? error.message : String(error))
  }
  if (!isObject(value)) throw new BadBody(call, 'it must be a JSON object')
  const found = fieldsOf(value, known[call])
  const fields = call === 'disk-update' ? withDisks(found) : found
  return { fields, body: Buffer.from(JSON.stringify(Object.fromEntries(fields))) }
}

function withDisks(fields: Fields): Fields {
  const disks = fields.get('disks')
  if (!isObject(disks)) return fields
  const read = Object.entries(disks).map(([name, disk]: [string, unknown]) => [name, diskOf(disk)] as const)
  return new Map([...fields, ['disks', Object.fromEntries(read)]])
}

function diskOf(disk: unknown): unknown {
  return isObject(disk) ? Object.fromEntries(fieldsOf(disk, knownOfDisk)) : disk
}
