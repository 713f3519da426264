#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { auditCommand } from './commands/audit.ts'
import { certsCommand } from './commands/certs.ts'
import { checkCommand } from './commands/check.ts'
import { completionCommand } from './commands/completion.ts'
import { doctorCommand } from './commands/doctor.ts'
import { evictCommand } from './commands/evict.ts'
import { CannotRun, exitCode } from './commands/exit-code.ts'
import { sandboxCommand } from './commands/sandbox.ts'
import { serveCommand } from './commands/serve.ts'
import { snapshotCommand } from './commands/snapshot.ts'
import { statusCommand } from './commands/status.ts'
import { version } from './guard/version.ts'

const program: Command = new Command('holdfast')
  .description('Admission guard for Longhorn: holds back the writes that would crash a manager or lose data.')
  .version(version())
  .exitOverride()
  .showSuggestionAfterError()
  .addCommand(serveCommand())
  .addCommand(statusCommand())
  .addCommand(doctorCommand())
  .addCommand(auditCommand())
  .addCommand(checkCommand())
  .addCommand(snapshotCommand())
  .addCommand(evictCommand())
  .addCommand(sandboxCommand())
  .addCommand(certsCommand())
  .addCommand(completionCommand(() => program))

// Sub-commands do not inherit it.
for (const command of program.commands) command.exitOverride()

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
