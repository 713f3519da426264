import { Command } from 'commander'
import { allKinds } from '../../longhorn/kinds.ts'
import { newestKnown } from '../../longhorn/releases.ts'
import {
  addClusterOptions,
  addImpersonationOptions,
  connectWith,
  type ClusterFlags,
} from '../options/cluster-options.ts'
import { repeatable } from '../options/variable-option.ts'
import { type CommandSurroundings, exitCode } from '../surroundings.ts'
import { table } from '../table.ts'
import { coloursFor, type Colours, widthOf } from '../terminal.ts'
import { changesSince, definitionName, type Difference, differencesOf } from './differences.ts'
import { definitionsIn, definitionsOf, type FoundDefinition } from './read-definitions.ts'

interface CompareFlags extends ClusterFlags {
  readonly since: readonly string[]
}

/** `holdfast compare-crds`: does a release of Longhorn still have the fields that the rules use? */
export function compareCrdsCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('compare-crds')
    .description('Compares the definitions of a Longhorn release with the fields that Holdfast reads.')
    .argument(
      '[path...]',
      'files, folders or - with CustomResourceDefinitions (default: those of the cluster)',
    )
    .option(
      '--since <path>',
      'file or folder with the definitions of an older release, to see all that has changed; may be given several times',
      repeatable,
      [],
    )
    .addHelpText(
      'after',
      `
Longhorn publishes its definitions with each release, in longhorn.yaml. The command reads CustomResourceDefinitions of
longhorn.io and skips everything else in a file. It writes nothing.

broken: Holdfast reads a field that is gone or has another type, or the definition has another name or version.
new: spec has a field, or a field has a value, that no rule knows. Such a release needs a look before it is guarded.
changed: since the older release, only with --since.

Exit code: 0 if nothing is broken, 1 if something is, 2 if there is nothing to compare.

Examples:
  $ holdfast compare-crds longhorn.yaml
  $ holdfast compare-crds new/ --since old/
  $ holdfast compare-crds`,
    )
  return addImpersonationOptions(addClusterOptions(command)).action(
    (paths: readonly string[], flags: CompareFlags) => compare(paths, flags, surroundings),
  )
}

async function compare(
  paths: readonly string[],
  flags: CompareFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const { env, stdin, stdout, exitWith } = surroundings
  const older = flags.since.length === 0 ? [] : await definitionsIn(flags.since, stdin)
  const found =
    paths.length === 0 ? await definitionsOfCluster(flags, surroundings) : await definitionsIn(paths, stdin)
  const differences = found.flatMap(({ definition }) => [
    ...differencesOf(definition),
    ...older
      .filter((old) => old.definition.kind === definition.kind)
      .flatMap((old) => changesSince(old.definition, definition)),
  ])
  stdout.write(report(found, differences, coloursFor(stdout, env), widthOf(stdout)))
  if (differences.some(({ what }) => what === 'broken')) exitWith(exitCode.failed)
}

async function definitionsOfCluster(
  flags: CompareFlags,
  surroundings: CommandSurroundings,
): Promise<readonly FoundDefinition[]> {
  const connection = await connectWith(flags, surroundings)
  try {
    return await definitionsOf(connection)
  } finally {
    connection.close()
  }
}

function report(
  found: readonly FoundDefinition[],
  differences: readonly Difference[],
  colours: Colours,
  width: number | undefined,
): string {
  const absent = allKinds.filter((kind) => !found.some(({ definition }) => definition.kind === kind))
  const paint = { broken: colours.red, new: colours.yellow, changed: colours.dim }
  const lines =
    differences.length === 0
      ? 'No difference: they have every field that Holdfast reads, and no new one in spec.\n'
      : table(
          [
            { heading: 'WHAT', cell: ({ what }: Difference) => what, paint: ({ what }) => paint[what] },
            { heading: 'DEFINITION', cell: ({ kind }) => definitionName(kind) },
            { heading: 'FIELD', cell: ({ path }) => path },
            { heading: 'DIFFERENCE', cell: ({ text }) => text },
          ],
          differences,
          { width },
        )
  const missing =
    absent.length === 0 ? '' : ` Not among them: ${absent.map(definitionName).toSorted().join(', ')}.`
  return `Compared ${found.length} ${found.length === 1 ? 'definition' : 'definitions'} with what Holdfast reads of Longhorn up to ${newestKnown}.${missing}\n\n${lines}`
}
