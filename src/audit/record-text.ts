import { cut } from '../text/cut.ts'
import { plainLine } from '../text/plain-text.ts'

/** Longer than any name that Kubernetes takes (253), in UTF-16 units. Map keys, such as names of disks, have no limit there. */
const longestName = 256

/** For users, reasons and messages, in UTF-16 units. An annotation may have 256 KiB. */
const longestText = 1_024

/** So many groups of a user are on record. */
const mostNames = 64

/** A name as it is on record: one line, and not longer than a name can be. */
export function name(given: string): string {
  return cut(plainLine(given), longestName)
}

/** A text as it is on record: one line of 1,024 characters at most. */
export function text(given: string): string {
  return cut(plainLine(given), longestText)
}

/** Names as they are on record: the first 64, and how many more there are. */
export function names(given: readonly string[]): string[] {
  const more = given.length - mostNames
  const recorded = given.slice(0, mostNames).map(name)
  return more > 0 ? [...recorded, `… and ${more} more`] : recorded
}
