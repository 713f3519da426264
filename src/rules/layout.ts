import { cut, plainLine } from '../text/plain-text.ts'
import type { Effect, Finding } from './finding.ts'

/** The parts of a verdict in the reader's order; each is one line or several. */
interface Parts {
  /** Works alone: Longhorn's UI shows one line for five seconds. */
  readonly headline: string
  readonly why: string
  readonly next: string
  readonly look: readonly string[]
}

/** The verdict on a change; a warning has none, since another finding may stop the change. */
const fates: Readonly<Record<Effect, string>> = { hold: ' has to wait', refuse: ' is denied', warn: '' }

/** The maximum of UUIDs shown for a finding. */
const listedUUIDs = 3

/** Kubernetes cuts a longer warning at 256 (kubernetes.md, The answer). In UTF-16 units. */
const longestWarning = 250

/** The line that works alone: the change, the verdict, and the obstacle. */
export function headlineOf({ doing, effect, found }: Pick<Finding, 'doing' | 'effect' | 'found'>): string {
  return plainLine(`${doing}${fates[effect]}: ${found}`)
}

/**
 * The lines of a denial: headline, `Why`, `Next` and `Look`.
 *
 * @param first comes before the advice: whether the client retries by itself
 */
export function linesOf(finding: Finding, first = ''): string {
  const { why, next, look } = finding
  const parts = { headline: headlineOf(finding), why, next: `${first}${next}` }
  return laidOut({ ...parts, look: [...look, idsOf(finding)] })
}

/** Puts the parts below each other. A newline in a name must not look like another line. */
export function laidOut({ headline, why, next, look }: Parts): string {
  const rest = { 'Why: ': [why], 'Next:': [next], 'Look:': look }
  const lines = Object.entries(rest).flatMap(([label, texts]) =>
    texts.map((text, at) => `${at === 0 ? label : '     '}  ${plainLine(text)}`),
  )
  return [plainLine(headline), ...lines].join('\n')
}

/** One line with everything, for an Event, a list of problems, or a warning without a limit. */
export function oneLineOf(finding: Finding, said = ''): string {
  return plainLine(
    `${headlineOf(finding)}${said}. ${finding.why} ${adviceOf(finding)} (rule ${finding.rule})`,
  )
}

/** The advice with its commands, on one line. */
export function adviceOf({ next, look }: Pick<Finding, 'next' | 'look'>): string {
  const end = next.endsWith('.') ? ' ' : '. '
  return plainLine(look.length > 0 ? `${next}${end}Look: ${look.join('; ')}` : next)
}

/**
 * One line that fits: the headline with the rule's name, and as much of the reason and the advice as fits.
 */
export function warningOf(finding: Finding): string {
  const { rule, why, next } = finding
  const headline = headlineOf(finding)
  const end = ` (rule ${rule})`
  const fits = [`${headline}. ${why} ${next}`, `${headline}. ${next}`, `${headline}. ${why}`, headline].map(
    plainLine,
  )
  const room = longestWarning - end.length
  return `${fits.find(({ length }) => length <= room) ?? cut(headline, room)}${end}`
}

/** One line cut to the length that Kubernetes forwards whole. */
export function fitWarning(text: string): string {
  return cut(plainLine(text), longestWarning)
}

function idsOf({ rule, subjects }: Finding): string {
  const uuids = [...new Set(subjects.flatMap(({ diskUUID }) => diskUUID ?? []))]
  if (uuids.length === 0) return `rule ${rule}`
  const more = uuids.length - listedUUIDs
  const listed = uuids.slice(0, listedUUIDs).join(', ')
  return `rule ${rule}, disk UUID${uuids.length > 1 ? 's' : ''} ${listed}${more > 0 ? ` and ${more} more` : ''}`
}
