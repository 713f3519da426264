import { Command } from 'commander'
import { ApiFailure, ConnectionFailure } from '../../kubernetes/client/failures.ts'
import { defaultPolicy } from '../../rules/policy.ts'
import { systemClock } from '../../time/clock.ts'
import { insistOnLonghorn } from '../guard/guard-place.ts'
import { insistOnDisk, insistOnNodes } from '../guard/insist-on-nodes.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  type ClusterFlags,
  connectWith,
  openMap,
} from '../options/cluster-options.ts'
import { commandText } from '../options/command-text.ts'
import { CannotRun, type CommandSurroundings, exitCode } from '../surroundings.ts'
import { reopen } from './reopen.ts'

interface ReopenFlags extends ClusterFlags {
  readonly disk?: string
  readonly dryRun: boolean
}

/** `holdfast reopen`: puts nodes, or a disk, back in service after an eviction. */
export function reopenCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('reopen')
    .description('Puts Longhorn nodes, or a disk of one, back in service after an eviction.')
    .argument('<node...>', 'the Longhorn nodes')
    .option('--disk <name>', 'this disk of the node only')
    .option('--dry-run', 'tell what would be done, and write nothing', false)
  return addImpersonationOptions(addClusterOptions(command))
    .addHelpText(
      'after',
      `
It takes eviction flags down, opens scheduling, and clears the marks of the eviction on copies, by which Longhorn would
still move them away. A disk that was closed by itself stays closed until you name it with --disk. It also takes away
what a rescue has noted of these flags, so that they stay down. It needs no guard, stores no state, and does nothing
where nothing is to be done.

Where a flag was up and copies are left, it waits for marks that come late: until Longhorn shows that the manager of the
node has noticed, ${defaultPolicy.settleMs / 1_000} s at most, and again as long after each late mark.

Exit code: 0 once all are in service, 1 if one cannot be or it was interrupted, 2 if it could not begin.

Examples:
  $ holdfast reopen node-1
  $ holdfast reopen node-1 node-2 --dry-run
  $ holdfast reopen node-1 --disk disk-2`,
    )
    .action((nodes: string[], flags: ReopenFlags) => reopenAll(nodes, flags, surroundings))
}

async function reopenAll(
  nodes: readonly string[],
  flags: ReopenFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stderr, untilSignal, exitWith } = surroundings
  const { disk, longhornNamespace, dryRun } = flags
  if (disk !== undefined && nodes.length !== 1) throw new CannotRun('--disk is about one node: name one')
  const ending = new AbortController()
  const { signal } = ending
  void untilSignal().then(() => ending.abort(new Error('The reopening was interrupted.')))
  const note = (text: string): void => void stderr.write(`${text}\n`)
  const again = commandText(['reopen', ...nodes, ...(disk === undefined ? [] : ['--disk', disk])], flags)
  const connection = await connectWith(flags, surroundings)
  try {
    const live = await openMap(connection, flags, signal)
    try {
      insistOnLonghorn(live.map, longhornNamespace)
      insistOnNodes(nodes, live)
      for (const node of nodes) insistOnDisk(node, disk, live)
      const { settleMs } = defaultPolicy
      const modules = {
        connection,
        live,
        longhornNamespace,
        clock: systemClock,
        signal,
        note,
        settleMs,
        dryRun,
      }
      const ends = await Promise.all(nodes.map((node) => reopen({ node, disk }, modules)))
      if (dryRun) note('Nothing was written: this is a dry run.')
      if (ends.includes(false)) exitWith(exitCode.failed)
    } finally {
      await live.stop()
    }
  } catch (error) {
    if (signal.aborted) note(`Interrupted. Go on with: ${again}`)
    else if (error instanceof ApiFailure) note(error.message)
    else if (error instanceof ConnectionFailure) note(`${error.message}\nGo on with: ${again}`)
    else throw error
    exitWith(exitCode.failed)
  } finally {
    connection.close()
  }
}
