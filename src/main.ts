#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { CannotRun, exitCode } from './commands/exit-code.ts'
import { version } from './guard/version.ts'

const program: Command = new Command('holdfast')
  .description('Admission guard for Longhorn: holds back the writes that would crash a manager or lose data.')
  .version(version())
  .exitOverride()
  .showSuggestionAfterError()

/** A command loads what it needs itself: most of what there is takes longer to load than to run. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/serve.ts')).serveCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  check: async () => (await import('./commands/check.ts')).checkCommand(),
  snapshot: async () => (await import('./commands/snapshot.ts')).snapshotCommand(),
  plan: async () => (await import('./commands/plan.ts')).planCommand(),
  evict: async () => (await import('./commands/evict.ts')).evictCommand(),
  proxy: async () => (await import('./commands/proxy.ts')).proxyCommand(),
  sandbox: async () => (await import('./commands/sandbox.ts')).sandboxCommand(),
  certs: async () => (await import('./commands/certs.ts')).certsCommand(),
  completion: async () => (await import('./commands/completion.ts')).completionCommand(() => program),
}

const asked = commands[process.argv[2] ?? '']
// Help, completion and suggestions speak of all.
const needed = asked && process.argv[2] !== 'completion' ? [asked] : Object.values(commands)
for (const load of needed) program.addCommand(await load())

// Sub-commands do not inherit it.
for (const command of program.commands) {
  command.exitOverride()
  for (const inner of command.commands) inner.exitOverride()
}

// Who reads no further, such as `| head`, has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = told(error)
}

/** Tells a person what went wrong, unless commander has done so already. */
function told(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.couldNotRun
  const known = error instanceof CannotRun
  // Anything else is a defect of ours, and its stack is what we need to see.
  const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`holdfast: ${text}\n`)
  return exitCode.couldNotRun
}
