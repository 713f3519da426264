import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { recordsIn } from '../../src/commands/audit/query.ts'
import type { AuditRecord } from '../../src/observability/audit-record.ts'
import type { Denial } from './clients.ts'

/** The verdicts of which a client hears as a denial. */
const denying: ReadonlySet<AuditRecord['verdict']> = new Set(['hold', 'refuse', 'unavailable'])

/** The audit files of all replicas compared with what clients have heard. */
export interface Comparison {
  /** Records of denials. */
  readonly records: number
  /** Denials without a record. */
  readonly lost: readonly Denial[]
  /** Objects of which Longhorn's account was denied a write that is not on record. */
  readonly lostOfLonghorn: readonly string[]
}

/**
 * Compares the files of a folder with denials.
 *
 * @param refused objects of which Longhorn's account was denied a write, such as `backingimages ubuntu`
 */
export async function compare(
  folder: string,
  denials: readonly Denial[],
  refused: Iterable<string>,
): Promise<Comparison> {
  const users = new Set<string>()
  const objects = new Set<string>()
  let records = 0
  for (const file of await readdir(folder)) {
    for await (const record of recordsIn(createReadStream(join(folder, file)))) {
      if (!denying.has(record.verdict)) continue
      records += record.count
      users.add(record.actor.user)
      if (isLonghorn(record)) objects.add(record.object.name)
    }
  }
  return {
    records,
    lost: denials.filter(({ user }) => !users.has(user)),
    lostOfLonghorn: [...refused].filter((object) => !objects.has(object)),
  }
}

function isLonghorn({ actor }: AuditRecord): boolean {
  return actor.user.endsWith(':longhorn-service-account')
}
