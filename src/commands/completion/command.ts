import { Argument, Command } from 'commander'
import type { CommandSurroundings } from '../surroundings.ts'
import { type Shell, shells, shellScript } from './shell-scripts.ts'

/** `holdfast completion`: a script with which a shell completes commands, flags, and names of the cluster. */
export function completionCommand({ stdout }: CommandSurroundings): Command {
  return new Command('completion')
    .description(
      'Writes a script that makes a shell complete commands, flags, files, and names of nodes, images, contexts and namespaces.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText(
      'after',
      `
With each TAB the shell asks holdfast, which has to be on the PATH. Names of a cluster come from the cluster that the flags
on the line select, within two seconds and with your own rights.

kubectl completes kubectl holdfast too: it asks kubectl_complete-holdfast, which npm installs beside holdfast.

Examples:
  $ source <(holdfast completion bash)
  $ holdfast completion zsh > "\${fpath[1]}/_holdfast"
  $ holdfast completion fish > ~/.config/fish/completions/holdfast.fish
  PS> holdfast completion powershell | Out-String | Invoke-Expression`,
    )
    .action((shell: Shell) => void stdout.write(shellScript(shell, 'holdfast')))
}
