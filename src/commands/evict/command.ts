import { Command, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../../time/duration.ts'
import { addClusterOptions, addImpersonationOptions } from '../options/cluster-options.ts'
import { addReplicaOptions } from '../options/replica-options.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { evict, type EvictFlags } from './evict.ts'
import { atLeastOne } from './plan-command.ts'
import { readPlan } from './plan-file.ts'

/** `holdfast evict`: empties nodes, or a disk, without a crash and without losing a copy. */
export function evictCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('evict')
    .description('Empties Longhorn nodes, or a disk of one, without a crash and without losing a copy.')
    .argument('[node...]', 'the Longhorn nodes')
    .option('--disk <name>', 'only this disk of the node')
    .option('--plan <file>', 'the nodes and batches that holdfast plan -o json wrote; - is standard input')
    .option('--batch-size <number>', 'at most so many nodes at the same time', atLeastOne, Infinity)
    .option('--wait-for-drain', 'once it is empty, wait until kubectl drain is through too', false)
    .option('--dry-run', 'show the steps, and write nothing', false)
    .option(
      '--timeout <duration>',
      'stop waiting after this time; Longhorn goes on with what has begun',
      duration,
    )
    .option(
      '--unguarded',
      'on releases that crash, go on without proof that a guard holds back the removal of copies',
      false,
    )
    .addOption(
      new Option('-o, --output <format>', 'also print each step as a document on standard output').choices([
        'json',
        'yaml',
      ]),
    )
    .addHelpText(
      'after',
      `
The command waits for pending clean-ups, closes the disks for scheduling, and raises the flag. Then it waits until no
replica is left and every backing image has a ready copy elsewhere.

On releases that crash it then clears the flag. Longhorn removes the copies some seconds later, once it has noticed.
Until then the guard has to hold back their removal, so the command first proves that it does: the registration is
correct, the guard denies a dry run that removes all copies of an image, and its replicas enforce the rule. If the
replicas cannot be asked, a dry run with the flag up proves it. Replicas are asked through port-forwards, as by holdfast
status, also for how long they wait until Longhorn has noticed.

The command stores no state: interrupt it at any time, and run it again to go on.

Several nodes are closed for scheduling first, and then emptied in batches in which every backing image keeps its
copies. The command judges each batch again before it begins, and keeps to the budget of the guard. Scheduling stays
closed: holdfast reopen puts a node back in service.

Beside kubectl: cordon the node, empty it with --wait-for-drain, and drain it once it is empty.

Exit code: 0 if the target is empty, 1 if it cannot be emptied, after a time-out or an interruption, 2 if it could not
begin.

Examples:
  $ holdfast evict node-1 --dry-run
  $ holdfast evict node-1 node-2 node-3
  $ holdfast plan node-1 node-2 -o json | holdfast evict --plan -
  $ holdfast evict node-1 --disk disk-2 --timeout 2h
  $ holdfast evict node-1 -o json | jq .step`,
    )
  return addImpersonationOptions(addClusterOptions(addReplicaOptions(command))).action(
    async (nodes: string[], flags: EvictFlags & { readonly plan?: string }) => {
      const { disk, plan } = flags
      const isOne = nodes.length === 1
      if (plan !== undefined && (nodes.length > 0 || disk !== undefined))
        throw new CannotRun('--plan names the nodes: leave out other nodes and --disk')
      if (plan === undefined && nodes.length === 0)
        throw new CannotRun('Name a Longhorn node, or give a plan with --plan')
      if (disk !== undefined && !isOne) throw new CannotRun('--disk is about one node: name one')
      const made = plan === undefined ? { nodes } : await readPlan(plan, surroundings.stdin)
      const again = plan === undefined || plan === '-' ? made.nodes : ['--plan', plan]
      await evict({ ...made, again, disk }, flags, surroundings)
    },
  )
}

function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('It must be a duration such as 30m or 2h.')
  return milliseconds
}
