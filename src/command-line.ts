import { Command, CommanderError, Help } from 'commander'
import { commandList } from './commands/command-list.ts'
import type { OfferedCommand } from './commands/completion/offers.ts'
import { refuseEmptyValues } from './commands/options/empty-values.ts'
import { readLateValues } from './commands/options/late-value.ts'
import { describeOption, readVariables } from './commands/options/variable-option.ts'
import {
  CannotRun,
  type CommandSurroundings,
  type Environment,
  exitCode,
  type Output,
  type Surroundings,
} from './commands/surroundings.ts'
import { version } from './server/version.ts'
import { plainText } from './text/plain-text.ts'
import { reflowed, wrapped } from './text/wrap.ts'

type MakeCommand = (surroundings: CommandSurroundings) => Promise<Command>

/** A command loads its own modules: loading all of them takes longer than most commands run. */
const commands: ReadonlyMap<string, MakeCommand> = new Map<string, MakeCommand>([
  ['serve', async (given) => (await import('./commands/serve/command.ts')).serveCommand(given)],
  ['status', async (given) => (await import('./commands/status/command.ts')).statusCommand(given)],
  ['ui', async (given) => (await import('./commands/ui/command.ts')).uiCommand(given)],
  ['doctor', async (given) => (await import('./commands/doctor/command.ts')).doctorCommand(given)],
  ['audit', async (given) => (await import('./commands/audit/command.ts')).auditCommand(given)],
  ['check', async (given) => (await import('./commands/check/command.ts')).checkCommand(given)],
  ['snapshot', async (given) => (await import('./commands/snapshot.ts')).snapshotCommand(given)],
  ['plan', async (given) => (await import('./commands/evict/plan-command.ts')).planCommand(given)],
  ['evict', async (given) => (await import('./commands/evict/command.ts')).evictCommand(given)],
  ['reopen', async (given) => (await import('./commands/evict/reopen-command.ts')).reopenCommand(given)],
  ['rescue', async (given) => (await import('./commands/rescue/command.ts')).rescueCommand(given)],
  ['proxy', async (given) => (await import('./commands/proxy/command.ts')).proxyCommand(given)],
  ['sandbox', async (given) => (await embeddedCluster()).sandboxCommand(given)],
  [
    'compare-crds',
    async (given) => (await import('./commands/compare-crds/command.ts')).compareCrdsCommand(given),
  ],
  ['schema', async (given) => (await import('./commands/schema/command.ts')).schemaCommand(given)],
  ['version', async (given) => (await import('./commands/version.ts')).versionCommand(given)],
  ['certs', async (given) => (await import('./commands/certs.ts')).certsCommand(given)],
  [
    'completion',
    async (given) => (await import('./commands/completion/command.ts')).completionCommand(given),
  ],
])

/** The names of all commands, in the order of the help. */
export const commandNames: readonly string[] = [...commands.keys()]

/** The image leaves out the files of the embedded cluster. @throws CannotRun */
async function embeddedCluster() {
  try {
    return await import('./commands/sandbox/command.ts')
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND')) throw cause
    const how = 'On your machine, npx holdfast sandbox starts it'
    throw new CannotRun(`the embedded cluster is not in this image. ${how}`, { cause })
  }
}

/**
 * Runs one command line to its end. It leaves nothing behind in the process, so several can run there, also
 * at the same time.
 *
 * @param given without the names of the program and of its interpreter: `['status', '--watch']` @returns the
 * exit code for the process, one of `exitCode`
 */
export async function runCommandLine(given: readonly string[], around: Surroundings): Promise<number> {
  const surroundings = { ...around, stderr: plain(around.stderr), screen: around.stderr }
  let code: number = exitCode.ok
  const exitWith = (wanted: number): void => {
    code = wanted
  }
  try {
    if (given[0] === '__complete') {
      const { complete } = await import('./commands/completion/complete.ts')
      await complete(given.slice(1), around, () => offersOfAll({ ...surroundings, exitWith }))
      return code
    }
    if (given[0] === '__offers') {
      surroundings.stdout.write(JSON.stringify(await offersOfAll({ ...surroundings, exitWith })))
      return code
    }
    const args = commandFirst(given)
    const program = await makeProgram(makersOf(args), { ...surroundings, exitWith })
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    return await reportError(error, surroundings)
  }
}

/** The options that select the cluster and the identity of a command. Each takes a value. */
const clusterOptions: ReadonlySet<string> = new Set([
  ...['--kubeconfig', '--context', '-n', '--namespace', '--longhorn-namespace'],
  ...['--as', '--as-group', '--as-uid'],
])

/** Like kubectl, accepts these before the command too: `holdfast --context lab status`. */
function commandFirst(args: readonly string[]): readonly string[] {
  let at = 0
  for (;;) {
    const [name = '', value] = (args[at] ?? '').split('=', 2)
    if (!clusterOptions.has(name)) break
    at += value === undefined ? 2 : 1
  }
  const words = args.slice(at, args[at] === 'proxy' ? at + 2 : at + 1)
  return [...words, ...args.slice(0, at), ...args.slice(at + words.length)]
}

async function makeProgram(
  makers: Iterable<MakeCommand>,
  surroundings: CommandSurroundings,
): Promise<Command> {
  const { env, stdout, stderr, calledAs = 'holdfast' } = surroundings
  const program: Command = new Command('holdfast')
    .description(
      'Admission guard for Longhorn: holds back the writes that would crash a manager or lose data.',
    )
    .version(version(), '-v, --version', 'print the version of this client; holdfast version tells more')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(reflowed(text, widthOf(stdout))),
      writeErr: (text) => stderr.write(text),
      getOutHelpWidth: () => widthOf(stdout),
      getErrHelpWidth: () => widthOf(stderr),
      // Our help has none, and commander would read the environment of the process.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp(helpOf(calledAs))
    .hook('preAction', async (_, command) => {
      refuseEmptyValues(command)
      await refuseUnknown(env)
      readVariables(command, env)
      await readLateValues(command)
    })
  for (const make of makers) program.addCommand(await make(surroundings))
  inherit(program)
  return program
}

/** Makes the command that is asked for, alone. Help and suggestions list all of them. */
function makersOf([first, second]: readonly string[]): Iterable<MakeCommand> {
  const name = first === 'help' ? second : first
  const asked = name === undefined ? undefined : commands.get(name)
  return asked ? [asked] : commandList.map((each) => () => Promise.resolve(new Listed(each)))
}

/** Stands for a command that is only listed. */
class Listed extends Command {
  /** As the list of commands shows it. */
  readonly term: string

  constructor({ name, usage, summary }: (typeof commandList)[number]) {
    super(name)
    this.term = `${name} ${usage}`.trimEnd()
    this.description(summary)
  }
}

/** @param calledAs replaces the name of the program in usage lines */
function helpOf(calledAs: string): Partial<Help> {
  const usual = new Help()
  return {
    optionDescription: describeOption,
    subcommandTerm: (command) => (command instanceof Listed ? command.term : usual.subcommandTerm(command)),
    commandUsage: (command) => usual.commandUsage(command).replace(/^holdfast\b/, calledAs),
  }
}

/** What a shell may offer, of all commands. */
async function offersOfAll(surroundings: CommandSurroundings): Promise<OfferedCommand> {
  const { offersOf } = await import('./commands/completion/offers.ts')
  return offersOf(await makeProgram(commands.values(), surroundings))
}

/**
 * Most environments have no variable of Holdfast's, and loading all names takes longer than most commands.
 */
async function refuseUnknown(env: Environment): Promise<void> {
  if (!Object.keys(env).some((name) => name.startsWith('HOLDFAST_'))) return
  const { refuseUnknownVariables } = await import('./commands/options/setting-options.ts')
  refuseUnknownVariables(env)
}

/** Imported commands have settings of their own. */
function inherit(parent: Command): void {
  for (const command of parent.commands) inherit(command.copyInheritedSettings(parent))
}

/** Without a terminal, the help is as wide as on one of the usual size. */
function widthOf({ isTTY, columns = 80 }: Output): number {
  return isTTY === true ? columns : 80
}

/** Standard error as wide as the terminal, and with escaped control characters, since messages quote names and answers of servers. */
function plain(stderr: Output): Output {
  return {
    get isTTY() {
      return stderr.isTTY === true
    },
    get columns() {
      return stderr.columns ?? 80
    },
    write: (text) =>
      stderr.write(wrapped(plainText(text), stderr.isTTY === true ? widthOf(stderr) : undefined)),
  }
}

/** Shows a person the error, unless commander has done so. */
async function reportError(error: unknown, { stderr, inSources = same }: Surroundings): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.couldNotRun
  const known = error instanceof CannotRun || (await isOfCluster(error))
  // Any other error is a bug, and its stack is what developers need.
  const text =
    error instanceof Error ? (known ? error.message : inSources(error.stack ?? error.message)) : String(error)
  stderr.write(`holdfast: ${text}\n`)
  return exitCode.couldNotRun
}

function same(stack: string): string {
  return stack
}

/** True for an error of the cluster or its connection: it is no bug. */
async function isOfCluster(error: unknown): Promise<boolean> {
  const problem = await import('./kubernetes/client/json-request.ts')
  return problem.isOfCluster(error)
}
