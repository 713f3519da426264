import type { Logger } from 'pino'
import { Registry } from 'prom-client'
import type { Configuration } from '../../configuration/configuration.ts'
import { Health } from '../../doors/http/health.ts'
import { CannotListen } from '../../doors/http/listen.ts'
import { compileKinds } from '../../longhorn/kinds.ts'
import { createLog, LogStream } from '../../observability/log.ts'
import { readableLog } from '../../observability/readable-log.ts'
import { logMetrics } from '../../observability/state-metrics.ts'
import { CannotRun, type CommandSurroundings, exitCode } from '../surroundings.ts'
import { coloursFor } from '../terminal.ts'

/** The parts of a command that serves until a signal ends it. */
export interface Serving {
  readonly log: Logger
  readonly registry: Registry
  /** Aborted at the signal. */
  readonly signal: AbortSignal
  /** Resolves at the signal. */
  readonly stopping: Promise<void>
  /** Called for each SIGHUP from now on; SIGHUP then no longer ends the process. */
  readonly onReopen: (reopen: () => void) => void
}

/**
 * Runs `serve` with a log, metrics and signals around it.
 *
 * If standard output is closed or fails, it goes on without its log: a reader of the log must not be able to
 * stop the guard, and a runtime that restarts closes the logs of all replicas at once. It reports that on
 * standard error and in a metric. The exit code is then not 0, since records may be lost.
 *
 * SIGHUP reopens the audit file if there is one. Without an audit file, and on a terminal, where it means
 * that the terminal is gone, it ends the command like SIGTERM.
 */
export async function serving(
  { logLevel, logFormat, auditFile }: Configuration,
  {
    env,
    stdout,
    stderr,
    untilSignal,
    onHangup,
    onStdoutClosed,
    saveMemory,
    measureProcess,
    inSources,
    exitWith,
  }: CommandSurroundings,
  serve: (serving: Serving) => Promise<void>,
): Promise<void> {
  saveMemory?.()
  const ended = new AbortController()
  const reopening = new Set<() => void>()
  let hungUp: (name: string) => void = () => undefined
  const untilHungUp = new Promise<string>((resolve) => (hungUp = resolve))
  const unsubscribe = [
    onHangup(() => {
      if (auditFile === undefined || stdout.isTTY === true) hungUp('SIGHUP')
      else for (const reopen of reopening) reopen()
    }),
  ]
  // Signals are heard from the start, also while the readable log is loaded.
  const asked = Promise.race([untilSignal(), untilHungUp])
  const isForPerson = stdout.isTTY === true && logFormat === 'auto'
  const screen = isForPerson ? await readableLog(stdout, coloursFor(stdout, env).isColorSupported) : stdout
  const stream = new LogStream(screen)
  const log = createLog(logLevel, stream, inSources)
  const registry = new Registry()
  logMetrics(registry, stream)
  unsubscribe.push(
    onStdoutClosed((why) => {
      if (!stream.close()) return
      exitWith(exitCode.failed)
      stderr.write(
        `holdfast: standard output is closed: ${why}. There is no log from now on; ${records(auditFile)}\n`,
      )
    }),
  )
  const stopping = asked.then((name) => {
    log.info({ signal: name }, 'stopping')
    ended.abort(new Error('The guard was stopped.'))
  })
  try {
    // No request has to wait for it: nothing listens yet.
    compileKinds()
    await measureProcess(registry)
    const { signal } = ended
    await serve({ log, registry, signal, stopping, onReopen: (reopen) => void reopening.add(reopen) })
  } finally {
    for (const end of unsubscribe) end()
  }
}

function records(auditFile: Configuration['auditFile']): string {
  return auditFile === undefined
    ? 'the latest audit records are in memory only: holdfast audit shows them'
    : `audit records are in ${auditFile.path}`
}

/** Health that listens before anything else can fail or wait. @throws CannotRun */
export async function listeningHealth(
  { registry, log }: Pick<Serving, 'registry' | 'log'>,
  host: string,
  port: number,
): Promise<Health> {
  const health = new Health(registry)
  try {
    log.info({ healthPort: await health.listen(host, port) }, 'health is listening')
    return health
  } catch (error) {
    if (error instanceof CannotListen) throw new CannotRun(error.message, { cause: error })
    throw error
  }
}
