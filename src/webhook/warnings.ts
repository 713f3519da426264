import { cut } from '../text/cut.ts'
import { plainLine } from '../text/plain-text.ts'

/** Above this many characters in all the API server cuts each warning to 256 (kubernetes.md, The answer). */
const maxCharacters = 4096

/** Room for the line that says how many warnings are left out. */
const noteCharacters = 40

/** Fewer characters than this of a warning say nothing. */
const minUsefulCharacters = 80

/**
 * Makes warnings that the API server passes on whole: one with a newline, tab or ESC would silently be dropped.
 * What does not fit is dropped from the end, and said to be. The API server counts code points; counting UTF-16
 * units is at most too careful.
 */
export function fitWarnings(texts: readonly string[]): string[] {
  // The same warning twice would be shown once.
  const warnings = [...new Set(texts.map((text) => plainLine(text).trim()))].filter((text) => text !== '')
  const total = warnings.reduce((sum, { length }) => sum + length, 0)
  if (total <= maxCharacters) return warnings
  let room = maxCharacters - noteCharacters
  const kept: string[] = []
  for (const warning of warnings) {
    if (warning.length > room) {
      // One that fits nowhere is cut; one that would fit alone is left out whole.
      if (warning.length > maxCharacters - noteCharacters && room >= minUsefulCharacters) {
        kept.push(cut(warning, room))
      }
      break
    }
    kept.push(warning)
    room -= warning.length
  }
  const more = warnings.length - kept.length
  return more === 0 ? kept : [...kept, `… and ${more} more`]
}
