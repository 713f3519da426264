import { Argument, Command, type Option } from 'commander'
import type { CommandSurroundings } from './surroundings.ts'

/**
 * `holdfast completion`: a script with which a shell completes commands and flags.
 *
 * @param program with all its commands
 */
export function completionCommand({ stdout }: CommandSurroundings, program: Command): Command {
  return new Command('completion')
    .description('Writes a script that makes a shell complete commands and flags.')
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(holdfast completion bash)
  $ holdfast completion zsh > "\${fpath[1]}/_holdfast"
  $ holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
    )
    .action((shell: Shell) => {
      const offered = program.commands.map(offer)
      stdout.write(completionScript(shell, program.name(), offered))
    })
}

function offer(command: Command): OfferedCommand {
  const flags = command.options.flatMap((option) =>
    option.long === undefined
      ? []
      : [{ flag: option.long, description: option.description, values: valuesOf(option) }],
  )
  const help = { flag: '--help', description: 'show the help', values: [] }
  return { name: command.name(), description: command.description(), flags: [...flags, help] }
}

function valuesOf({ argChoices, required, optional }: Option): readonly string[] | undefined {
  if (argChoices) return argChoices
  return required || optional ? undefined : []
}

/** A flag, as a shell offers it. */
export interface OfferedFlag {
  /** `--since` */
  readonly flag: string
  readonly description: string
  /** Its possible values; undefined for any, empty for a flag without one. */
  readonly values: readonly string[] | undefined
}

/** A command, as a shell offers it. */
export interface OfferedCommand {
  readonly name: string
  readonly description: string
  readonly flags: readonly OfferedFlag[]
}

/** The shells with a script. */
export const shells = ['bash', 'zsh', 'fish'] as const

/** One of them. */
export type Shell = (typeof shells)[number]

/** A script with which the shell completes the commands and flags of `program`. */
export function completionScript(shell: Shell, program: string, commands: readonly OfferedCommand[]): string {
  switch (shell) {
    case 'bash':
      return bash(program, commands)
    case 'zsh':
      // zsh understands bash's completion after bashcompinit.
      return `#compdef ${program}\nautoload -U +X bashcompinit && bashcompinit\n${bash(program, commands)}`
    case 'fish':
      return fish(program, commands)
  }
}

function bash(program: string, commands: readonly OfferedCommand[]): string {
  const values = commands.flatMap(({ name, flags }) =>
    flags.flatMap(({ flag, values }) =>
      values && values.length > 0
        ? `    ${quoted(`${name} ${flag}`)}) COMPREPLY=($(compgen -W ${quoted(values.join(' '))} -- "$word")); return ;;\n`
        : [],
    ),
  )
  const offers = commands.map(
    ({ name, flags }) => `    ${quoted(name)}) words=${quoted(flags.map(({ flag }) => flag).join(' '))} ;;\n`,
  )
  return `_${program}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W ${quoted(commands.map(({ name }) => name).join(' '))} -- "$word"))
    return
  fi
  case "$command $before" in
${values.join('')}  esac
  case "$command" in
${offers.join('')}  esac
  if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W "$words" -- "$word")); else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _${program} ${program}
`
}

function fish(program: string, commands: readonly OfferedCommand[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  const lines = commands.flatMap(({ name, description, flags }) => [
    `complete -c ${program} -f -n ${quoted(`not __fish_seen_subcommand_from ${names}`)} -a ${quoted(name)} -d ${quoted(description)}`,
    ...flags.map(({ flag, description: meaning, values }) => {
      const takes =
        values === undefined ? ' -r' : values.length > 0 ? ` -x -a ${quoted(values.join(' '))}` : ''
      return `complete -c ${program} -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${flag.slice(2)}${takes} -d ${quoted(meaning)}`
    }),
  ])
  return `${lines.join('\n')}\n`
}

/** Both shells quote the same way, except for the quote itself. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '').replaceAll("'", '’')}'`
}
