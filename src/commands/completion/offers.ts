import type { Argument, Command, Option } from 'commander'
import { ImpersonationOption } from '../options/variable-option.ts'

/** What may stand in a place of a command line. */
export interface Offer {
  /** Names that a cluster or a kubeconfig has, files, or any text. */
  readonly kind: 'text' | 'files' | ClusterKind
  /** All that is possible, if that is known; those that end with `=` go on. */
  readonly words: readonly string[]
}

/** Names that have to be asked for. `objects` are those of `check`: `nodes/node-1`. */
export type ClusterKind = 'contexts' | 'namespaces' | 'nodes' | 'images' | 'disks' | 'objects'

/** A flag, as a shell offers it. */
export interface OfferedFlag {
  /** `--output`, `-o` */
  readonly names: readonly string[]
  readonly description: string
  /** Null for a flag without a value. */
  readonly value: Offer | null
  /** The variable that stands for it. */
  readonly variable?: string
  /** True if it may be given several times. */
  readonly isRepeatable?: true
}

/** A command, as a shell offers it. */
export interface OfferedCommand {
  readonly name: string
  readonly description: string
  readonly commands: readonly OfferedCommand[]
  readonly flags: readonly OfferedFlag[]
  readonly takes: readonly Offer[]
  /** True if the last of them may come several times. */
  readonly isVariadic: boolean
  /** True if `--as` names the user who asks the cluster; in another command it may mean another user. */
  readonly impersonates: boolean
}

/** What a shell offers of a command and of those below it. */
export function offersOf(command: Command): OfferedCommand {
  const help = { names: ['--help', '-h'], description: 'show the help', value: null }
  const arguments_ = command.registeredArguments
  return {
    name: command.name(),
    description: command.description(),
    commands: command.commands.map(offersOf),
    flags: [...command.options.filter(({ hidden }) => !hidden).map(flagOf), help],
    takes: arguments_.map(argumentOf),
    isVariadic: arguments_.at(-1)?.variadic === true,
    impersonates: command.options.some((option) => option instanceof ImpersonationOption),
  }
}

function flagOf(option: Option): OfferedFlag {
  const { long, short, description, required, optional, argChoices = [] } = option
  const words = 'offered' in option && Array.isArray(option.offered) ? option.offered.map(String) : argChoices
  return {
    names: [long, short].filter((name) => name !== undefined),
    description,
    value: required || optional ? { kind: kindOfFlag(long ?? '', option.flags), words } : null,
    ...('variable' in option && { variable: String(option.variable) }),
    ...(isRepeatable(option) && { isRepeatable: true }),
  }
}

/** The parser of such a flag also takes the values before this one. So does that of choices, without a use for them. */
function isRepeatable({ parseArg, argChoices }: Option): boolean {
  return argChoices === undefined && parseArg !== undefined && parseArg.length > 1
}

/** Flags whose values a cluster or a kubeconfig knows. */
const kinds: Readonly<Record<string, ClusterKind>> = {
  '--context': 'contexts',
  '--namespace': 'namespaces',
  '--longhorn-namespace': 'namespaces',
  '--node': 'nodes',
  '--image': 'images',
  '--disk': 'disks',
}

function kindOfFlag(long: string, flags: string): Offer['kind'] {
  return kinds[long] ?? (/<(?:file|path|folder)>/.test(flags) ? 'files' : 'text')
}

/** Arguments, by their names. */
const argumentKinds: Readonly<Record<string, Offer['kind']>> = {
  node: 'nodes',
  // Of check: with a patch its object, else files.
  file: 'objects',
  source: 'files',
}

function argumentOf(argument: Argument): Offer {
  return { kind: argumentKinds[argument.name()] ?? 'text', words: argument.argChoices ?? [] }
}
