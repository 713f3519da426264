import { Argument, Command, type Option } from 'commander'
import { completionScript, shells, type OfferedCommand, type Shell } from '../terminal/completion.ts'
import type { CommandSurroundings } from './surroundings.ts'

/** `holdfast completion`: a script that makes a shell offer commands and flags. @param program with all its commands */
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
  const help = { flag: '--help', description: 'tell all about it', values: [] }
  return { name: command.name(), description: command.description(), flags: [...flags, help] }
}

function valuesOf({ argChoices, required, optional }: Option): readonly string[] | undefined {
  if (argChoices) return argChoices
  return required || optional ? undefined : []
}
