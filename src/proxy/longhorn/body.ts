import { hasMoreValues, mostValuesOfCall } from '../../traffic/many-values.ts'
import type { Call } from './call.ts'
import { objectText, textsOf, type Fields } from './fields.ts'

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
