import { cut, plainLine } from '../../text/plain-text.ts'

/** Above this many characters in all the API server cuts each warning to 256 (kubernetes.md, The answer). */
const maxCharacters = 4096

/** Room for the line with the number of omitted warnings. */
const noteCharacters = 40

/** Fewer characters than this of a warning are useless. */
const minUsefulCharacters = 80

/**
 * Makes warnings that the API server forwards whole: it would silently drop one with a newline, tab or ESC.
 * Warnings that do not fit are dropped from the end, and counted. The API server counts code points; counting
 * UTF-16 units errs on the safe side.
 */
export function fitWarnings(texts: readonly string[]): string[] {
  // A duplicate warning is shown once.
  const warnings = [...new Set(texts.map((text) => plainLine(text).trim()))].filter((text) => text !== '')
  const total = warnings.reduce((sum, { length }) => sum + length, 0)
  if (total <= maxCharacters) return warnings
  let room = maxCharacters - noteCharacters
  const kept: string[] = []
  for (const warning of warnings) {
    if (warning.length > room) {
      // A warning that is too long alone is cut; one that would fit alone is left out whole.
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
