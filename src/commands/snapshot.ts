import { Command, Option } from 'commander'
import { liveState } from './check/read-cluster.ts'
import { snapshotOf } from './check/snapshot.ts'
import { insistOnLonghorn } from './guard/guard-place.ts'
import { addClusterOptions, addImpersonationOptions, type ClusterFlags } from './options/cluster-options.ts'
import { type CommandSurroundings, exitCode } from './surroundings.ts'
import { data, type DataFormat } from './terminal.ts'

/** `holdfast snapshot`: all facts of a cluster that decisions need, in one file. */
export function snapshotCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('snapshot')
    .description(
      'Writes the facts of a cluster that decisions need, without secrets, to standard output: for holdfast check, and for bug reports.',
    )
    .addOption(
      new Option('-o, --output <format>', 'how to write it').choices(['yaml', 'json']).default('yaml'),
    )
    .addHelpText(
      'after',
      `
It has Longhorn's nodes, disks, copies, replicas and the relevant settings, by name. It leaves out download addresses
and credentials.

Exit code: 0 if it is complete, 1 if an object cannot be read and is left out, 2 if the cluster cannot be read.

Examples:
  $ holdfast snapshot > cluster.yaml
  $ holdfast check --snapshot cluster.yaml -f change.yaml`,
    )
  return addImpersonationOptions(addClusterOptions(command)).action(
    (flags: ClusterFlags & { readonly output: DataFormat }) => snapshot(flags, surroundings),
  )
}

async function snapshot(
  flags: ClusterFlags & { readonly output: DataFormat },
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stdout, stderr, exitWith } = surroundings
  const state = await liveState(flags, surroundings)
  insistOnLonghorn(state.map, flags.longhornNamespace)
  for (const { kind, name, problem } of state.unreadable) {
    exitWith(exitCode.failed)
    stderr.write(`${kind} ${name} cannot be read and is not in the snapshot: ${problem}\n`)
  }
  stdout.write(data(flags.output, snapshotOf(state.objects, Date.now())))
}
