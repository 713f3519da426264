import { type Command, InvalidArgumentError, Option } from 'commander'
import { CannotRun, type Environment } from '../surroundings.ts'

/** An option that a variable can set too. Commander's own `env()` knows only the variables of the process. */
export class VariableOption extends Option {
  readonly variable: string
  /** The possible values, for a shell that completes them; undefined for any. */
  readonly offered: readonly string[] | undefined

  constructor(flags: string, description: string, variable: string, offered?: readonly string[]) {
    super(flags, description)
    this.variable = variable
    this.offered = offered
  }
}

/** An option for the identity that a command asks the cluster with. */
export class ImpersonationOption extends Option {}

/** Describes an option for the help: its choices, its default where it says something, and its variable. */
export function describeOption(option: Option): string {
  const { description, argChoices, hidden } = option
  const facts = [
    ...(argChoices && !hidden ? [`choices: ${argChoices.join(', ')}`] : []),
    ...defaultOf(option),
    ...(option instanceof VariableOption ? [`env: ${option.variable}`] : []),
  ]
  return [description, ...facts.map((fact) => `(${fact})`)].join(' ')
}

/** Without one that goes without saying: no flag, no value, any number; and without one that the description names. */
function defaultOf({ description, defaultValue, defaultValueDescription }: Option): string[] {
  const value: unknown = defaultValue
  if (description.includes('(default: ')) return []
  if (defaultValueDescription !== undefined) return [`default: ${defaultValueDescription}`]
  return (typeof value === 'string' && value !== '') || (typeof value === 'number' && Number.isFinite(value))
    ? [`default: ${value}`]
    : []
}

/**
 * Sets the options that variables give and the arguments do not. Commander sets its own before it looks for
 * required options; none of these is required.
 *
 * An empty one is refused as an option is that is typed and empty: whatever was to set it did not, and without it another
 * context would be asked, or everybody might override.
 *
 * @param command whose arguments are parsed
 * @throws CannotRun for empty variables, and CommanderError for a value that the option does not take
 */
export function readVariables(command: Command, env: Environment): void {
  const given = command.options.flatMap((option) => {
    if (!(option instanceof VariableOption)) return []
    const text = env[option.variable]
    const key = option.attributeName()
    if (text === undefined || command.getOptionValueSource(key) === 'cli') return []
    return isServiceLink(option.variable, text) ? [] : [{ option, key, text }]
  })
  const empty = given.flatMap(({ option, text }) => (text === '' ? [option.variable] : []))
  if (empty.length > 0) {
    const is = empty.length === 1 ? 'the variable is empty. Give it a value, or unset it' : undefined
    throw new CannotRun(
      `${empty.join(', ')}: ${is ?? 'the variables are empty. Give them values, or unset them'}`,
    )
  }
  for (const { option, key, text } of given)
    command.setOptionValueWithSource(key, parsed(command, option, text), 'env')
}

/**
 * True for a variable that Kubernetes sets for a Service: `HOLDFAST_SERVICE_HOST`,
 * `HOLDFAST_PORT=tcp://10.0.0.1:443`. A pod gets them for each Service of its namespace, and one may have the
 * name holdfast.
 */
export function isServiceLink(name: string, value: string): boolean {
  if (/_SERVICE_(?:HOST|PORT(?:_\w+)?)$/.test(name)) return true
  return (
    /_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value))
  )
}

function parsed(command: Command, option: Option, text: string): unknown {
  try {
    return option.parseArg ? option.parseArg<unknown>(text, undefined) : text
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    const from = option instanceof VariableOption ? ` from env '${option.variable}'` : ''
    return command.error(
      `error: option '${option.flags}' value '${text}'${from} is invalid. ${error.message}`,
    )
  }
}

/**
 * Collects an option that can be repeated, like kubectl's flags. An option with several values at once would
 * also swallow the argument after it.
 */
export function repeatable(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value]
}

/**
 * Reads the address of a server. A name and a password in it would be sent to nobody, nor would a query.
 *
 * @throws InvalidArgumentError
 */
export function url(text: string): URL {
  return readUrl(text, 'http://longhorn-backend:9500')
}

function readUrl(text: string, example: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError(`It must be a URL such as ${example}.`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError('It must not have a name or a password.')
  if (/[?#]/.test(text)) throw new InvalidArgumentError('It must be without a ? and a #.')
  return url
}

/** The same of a replica of the guard, which is asked at paths of its own. @throws InvalidArgumentError */
export function replicaOrigin(text: string): URL {
  const server = readUrl(text, 'http://127.0.0.1:8081')
  if (server.pathname !== '/') throw new InvalidArgumentError(`It must be without a path: ${server.origin}.`)
  return server
}
