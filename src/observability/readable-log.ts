import { plainLine, plainText } from '../text/plain-text.ts'
import { wrapped } from '../text/wrap.ts'

/** The terminal that a log is written to. */
interface LogScreen {
  readonly columns?: number
  write(text: string): unknown
  readonly writableLength?: number
}

type Fields = Readonly<Record<string, unknown>>

/**
 * A log for a person at a terminal: it takes lines of JSON and writes the time, the level, and the message in words. pino-pretty is
 * loaded here alone, so that a guard in a cluster never loads it.
 *
 * @param isColoured false for a terminal without colours
 */
export async function readableLog(screen: LogScreen, isColoured: boolean): Promise<LogScreen> {
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: isColoured,
    translateTime: 'SYS:HH:MM:ss',
    // The message says the other fields.
    include: 'time,level,err',
    messageFormat: (log, messageKey) => messageOf(log, log[messageKey]),
  })
  return {
    write: (line) => {
      const log = parsed(line)
      screen.write(log === undefined ? line : wrapped(pretty(log), screen.columns))
    },
    get writableLength() {
      return screen.writableLength ?? 0
    },
  }
}

/** Names of a cluster are in it, and what acts on a terminal is taken out of them. */
function parsed(line: string): Fields | undefined {
  try {
    const log: unknown = JSON.parse(line, (key, value: unknown) =>
      typeof value === 'string' ? (key === 'stack' ? plainText(value) : plainLine(value)) : value,
    )
    return isFields(log) ? log : undefined
  } catch {
    return undefined
  }
}

/** The message, and the fields that say more; of a decision and of a wait in words. */
function messageOf(log: Fields, message: unknown): string {
  const text = String(message)
  if (typeof log.verdict === 'string') return decisionOf(log, text)
  if (typeof log.change === 'string') return waitOf(log, text)
  const fields = Object.entries(log).filter(([key, value]) => !unsaid.has(key) && value !== null)
  return [text, ...fields.map(([key, value]) => `${key}=${valueOf(value)}`)].join(' ')
}

/** What is said otherwise, or is for programs. */
const unsaid: ReadonlySet<string> = new Set(['level', 'time', 'msg', 'err'])

function decisionOf(log: Fields, text: string): string {
  const [finding] = listOf(log.findings)
  const object = isFields(log.object) ? log.object : {}
  const what = log.change ?? `${valueOf(log.operation)} ${valueOf(object.kind)}/${valueOf(object.name)}`
  const rules = [...new Set(listOf(log.findings).map(({ rule }) => valueOf(rule)))]
  const why =
    rules.length > 0 ? ` (${rules.join(', ')})` : log.why === undefined ? '' : `: ${valueOf(log.why)}`
  const times = typeof log.count === 'number' && log.count > 1 ? `, ${log.count} times` : ''
  const dryRun = log.dryRun === true ? ' as a dry run' : ''
  const first = `${text}: ${valueOf(what)} by ${userOf(log)}${dryRun}${why}${times}`
  return finding === undefined ? first : `${first}\n    ${valueOf(finding.message)}`
}

function waitOf(log: Fields, text: string): string {
  const first = `${text}: ${valueOf(log.change)} by ${userOf(log)}`
  if (typeof log.outcome === 'string') return `${first}: ${log.outcome}`
  const [cause] = listOf(log.causes)
  return cause === undefined ? first : `${first}\n    ${valueOf(cause.found)}`
}

function userOf(log: Fields): string {
  return valueOf(isFields(log.actor) ? log.actor.user : log.user)
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : []
}

function valueOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
