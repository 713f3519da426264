import { Command, InvalidArgumentError } from 'commander'
import { plainText } from '../../text/plain-text.ts'
import { wrapped } from '../../text/wrap.ts'
import { insistOnLonghorn } from '../guard/guard-place.ts'
import { insistOnNodes } from '../guard/insist-on-nodes.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  type ClusterFlags,
  connectWith,
  openMap,
} from '../options/cluster-options.ts'
import { commandText } from '../options/command-text.ts'
import {
  isStructured,
  longhornName,
  type OutputFormat,
  outputOption,
  type Printable,
  printed,
} from '../output/output-format.ts'
import { CannotRun, type CommandSurroundings, exitCode } from '../surroundings.ts'
import { widthOf } from '../terminal.ts'
import { type EvictionPlan, planEvictions } from './plan.ts'

interface PlanFlags extends ClusterFlags {
  readonly reopen: boolean
  readonly batchSize: number
  readonly output: OutputFormat<'text'>
  readonly headers: boolean
}

/** `holdfast plan`: an order, in batches, for the eviction of nodes. */
export function planCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('plan')
    .description('Finds batches in which nodes can be evicted with every backing image keeping its copies.')
    .argument('<node...>', 'the Longhorn nodes to empty')
    .option('--reopen', 'the nodes of a batch are in service again before the next begins', false)
    .option('--batch-size <number>', 'maximum of nodes in a batch', atLeastOne, Infinity)
    .addOption(outputOption(['text'], 'as text').default({ format: 'text' }, 'text'))
    .option('--no-headers', 'custom columns without headings')
  return addImpersonationOptions(addClusterOptions(command))
    .addHelpText(
      'after',
      `
No two nodes of a batch hold the last copies of an image between them, and after each batch there is a disk for every
copy that has to be (spec.minNumberOfCopies). Longhorn chooses where a copy moves, so the plan holds wherever that is.
Without --reopen close all nodes for scheduling before the first batch: then nothing moves twice. Room for replicas is
not looked at. With -o custom-columns each batch is a row, and -o name prints the nodes in their order. The
text ends with the commands that carry the plan out, and put the nodes back in service.

Exit code: 0 if there is a plan, 1 if there is none, 2 if the command could not run.

Examples:
  $ holdfast plan node-1 node-2
  $ holdfast plan node-1 node-2 node-3 --reopen
  $ holdfast plan node-1 node-2 --batch-size 1 -o json | holdfast evict --plan -
  $ holdfast plan node-1 node-2 -o jsonpath='{range .batches[*]}{.nodes}{"\\n"}{end}'`,
    )
    .action((nodes: string[], flags: PlanFlags) => plan(nodes, flags, surroundings))
}

async function plan(
  nodes: readonly string[],
  flags: PlanFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { stdout, exitWith } = surroundings
  const connection = await connectWith(flags, surroundings)
  try {
    const live = await openMap(connection, flags, new AbortController().signal)
    try {
      insistOnLonghorn(live.map, flags.longhornNamespace)
      insistOnNodes(nodes, live)
      const [unreadable] = live.unreadable
      if (unreadable) {
        const { kind, name, problem } = unreadable
        throw new CannotRun(`${kind} ${name} cannot be read, and a plan must not overlook it: ${problem}`)
      }
      const found = planEvictions(nodes, live.map, flags)
      stdout.write(
        isStructured(flags.output)
          ? printed(flags.output, printableOf(found, flags), flags)
          : wrapped(plainText(textOf(found, flags)), widthOf(stdout)),
      )
      if (!found.possible) exitWith(exitCode.failed)
    } finally {
      await live.stop()
    }
  } finally {
    connection.close()
  }
}

function printableOf(plan: EvictionPlan, { reopen }: PlanFlags): Printable {
  const items = plan.possible ? plan.batches : []
  return {
    document: { apiVersion: 'holdfast.dev/v1', kind: 'EvictionPlan', reopen, ...plan },
    items,
    names: items.flatMap(({ nodes }) => nodes.map((name) => longhornName('Node', name))),
  }
}

function textOf(plan: EvictionPlan, flags: PlanFlags): string {
  if (!plan.possible) {
    return ['There is no order in which every backing image keeps its copies:', ...plan.problems, ''].join(
      '\n',
    )
  }
  const first = plan.closeFirst.length > 0 ? [`Close for scheduling first: ${plan.closeFirst.join(' ')}`] : []
  const batches = plan.batches.map(({ nodes, images }, at) => {
    const moves = images.length === 0 ? 'no backing image moves' : `copies move: ${images.join(', ')}`
    return `Batch ${at + 1}: ${nodes.join(' ')} (${moves})`
  })
  return [...first, ...batches, 'Commands:', ...commandsOf(plan.batches, flags), ''].join('\n')
}

/** What carries the plan out, and puts the nodes back in service. */
function commandsOf(batches: readonly { readonly nodes: readonly string[] }[], flags: PlanFlags): string[] {
  const most = Number.isFinite(flags.batchSize) ? ['--batch-size', String(flags.batchSize)] : []
  const rounds = flags.reopen
    ? batches.map(({ nodes }) => ({ nodes, options: [] }))
    : [{ nodes: batches.flatMap(({ nodes }) => nodes), options: most }]
  return rounds.flatMap(({ nodes, options }) => [
    `  ${commandText(['evict', ...nodes, ...options], flags)}`,
    `  ${commandText(['reopen', ...nodes], flags)}`,
  ])
}

/**
 * Reads a number of nodes.
 *
 * @throws InvalidArgumentError for any other text
 */
export function atLeastOne(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number, at least 1.')
  return Number(text)
}
