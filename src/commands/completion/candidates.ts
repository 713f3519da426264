import type { Offer, OfferedCommand, OfferedFlag } from './offers.ts'

/** One possibility, as a shell shows it. */
export interface Candidate {
  readonly word: string
  readonly description: string
}

/** What may stand in the place of the last word. */
export interface Wanted {
  /** All that is known without asking anybody. They begin with the word. */
  readonly candidates: readonly Candidate[]
  /** Names or files that have to be looked for; undefined if there are none. */
  readonly lookFor: Offer['kind'] | undefined
  /** What stands before such a name in the word: `--node=`. */
  readonly prefix: string
  /** The values of the flags before it, by the first name of each. */
  readonly values: ReadonlyMap<string, readonly string[]>
  /** True if flags name the user who asks the cluster. */
  readonly impersonates: boolean
  /** The arguments before it. */
  readonly given: readonly string[]
}

/**
 * Finds out what may stand in the place of the last word of a command line.
 *
 * @param words behind the name of the program; the last may be empty, and is what the person types
 */
export function wanted(root: OfferedCommand, words: readonly string[]): Wanted {
  const current = words.at(-1) ?? ''
  const line = read(root, words.slice(0, -1))
  const { command, given, values, waiting, isAfterFlags } = line
  const base = { values, given, prefix: '', impersonates: command.impersonates }
  if (waiting) return offered(waiting, current, base)
  const [name = '', value] = splitFlag(current)
  if (!isAfterFlags && value !== undefined) {
    const flag = flagNamed(line, name)
    return offered(flag?.value ?? nothing, value, { ...base, prefix: `${name}=` })
  }
  if (!isAfterFlags && current.startsWith('-')) return { ...base, ...flags(line, current) }
  const commands = given.length === 0 ? command.commands : []
  const named = commands.map(({ name: word, description }) => ({ word, description }))
  const argument = offered(argumentAt(command, given.length), current, base)
  return { ...argument, candidates: [...beginning(named, current), ...argument.candidates] }
}

const nothing: Offer = { kind: 'text', words: [] }

/** A command line, as far as it is typed. */
interface Line {
  readonly command: OfferedCommand
  /** The commands above it, whose flags may stand before it. */
  readonly above: readonly OfferedCommand[]
  readonly given: readonly string[]
  readonly values: ReadonlyMap<string, readonly string[]>
  /** The value that the flag before expects. */
  readonly waiting: Offer | undefined
  /** True behind `--`. */
  readonly isAfterFlags: boolean
}

function read(root: OfferedCommand, words: readonly string[]): Line {
  let command = root
  const above: OfferedCommand[] = []
  const given: string[] = []
  const values = new Map<string, readonly string[]>()
  const add = ({ names: [name = ''] }: OfferedFlag, value: string): void =>
    void values.set(name, [...(values.get(name) ?? []), value])
  let waiting: OfferedFlag | undefined
  let isAfterFlags = false
  for (const word of words) {
    if (waiting !== undefined) {
      add(waiting, word)
      waiting = undefined
    } else if (!isAfterFlags && word === '--') isAfterFlags = true
    else if (!isAfterFlags && word.startsWith('-')) {
      const [name = '', value] = splitFlag(word)
      const flag = flagNamed({ command, above, given }, name)
      if (flag?.value && value === undefined) waiting = flag
      else if (flag && value !== undefined) add(flag, value)
    } else {
      const below = given.length === 0 ? command.commands.find(({ name }) => name === word) : undefined
      if (below === undefined) given.push(word)
      else {
        above.push(command)
        command = below
      }
    }
  }
  return { command, above, given, values, waiting: waiting?.value ?? undefined, isAfterFlags }
}

/** `--output=json` is a flag and its value. */
function splitFlag(word: string): readonly string[] {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1
  return equals === -1 ? [word] : [word.slice(0, equals), word.slice(equals + 1)]
}

/** Before the command stand flags of all commands: `holdfast --context lab status`. */
function flagNamed({ command, above }: Pick<Line, 'command' | 'above' | 'given'>, name: string) {
  const all = [command, ...(above.length === 0 ? command.commands : [])]
  return all.flatMap(({ flags: own }) => own).find(({ names }) => names.includes(name))
}

function flags({ command, values }: Line, current: string): Pick<Wanted, 'candidates' | 'lookFor'> {
  const all = command.flags
    .filter(({ names, isRepeatable }) => isRepeatable === true || !values.has(names[0] ?? ''))
    .flatMap(({ names, description }) => names.map((word) => ({ word, description })))
  // The short ones are offered to who asks for them.
  const shown = all.filter(({ word }) => word.startsWith('--') || current === '-')
  return { candidates: beginning(shown, current), lookFor: undefined }
}

function argumentAt({ takes, isVariadic }: OfferedCommand, at: number): Offer {
  return takes[at] ?? (isVariadic ? takes.at(-1) : undefined) ?? nothing
}

function offered(
  { kind, words }: Offer,
  begun: string,
  base: Omit<Wanted, 'candidates' | 'lookFor'>,
): Wanted {
  const known = beginning(
    words.map((word) => ({ word, description: '' })),
    begun,
  )
  return {
    ...base,
    candidates: known.map(({ word, description }) => ({ word: base.prefix + word, description })),
    lookFor: kind === 'text' || words.length > 0 ? undefined : kind,
  }
}

function beginning(all: readonly Candidate[], begun: string): readonly Candidate[] {
  return all.filter(({ word }) => word.startsWith(begun))
}

/**
 * The words of a command line whose shell has broken them at `=` and `:`, as bash does.
 *
 * @param broken as they come
 */
export function joinedWords(broken: readonly string[]): readonly string[] {
  const words: string[] = []
  let isOpen = false
  for (const [at, word] of broken.entries()) {
    const joins = /^(?:=|:)+$/.test(word) && words.length > 0
    if ((joins || isOpen) && words.length > 0) words.push(`${words.pop() ?? ''}${word}`)
    else words.push(word)
    // An empty word behind the sign is where the person types.
    isOpen = joins && at < broken.length - 1
  }
  return words
}
