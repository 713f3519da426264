import { basename } from 'node:path'
import { isatty } from 'node:tty'
import type { Registry } from 'prom-client'
import { runCommandLine } from './command-line.ts'
import { exitCode, type Output } from './commands/surroundings.ts'
import { saveMemory } from './save-memory.ts'
import { sourceStacks } from './source-stacks.ts'
import { inWords } from './text/system-error.ts'

/** Listen for a failure of standard output; a command that serves goes on without it. */
const stdoutListeners = new Set<(why: string) => void>()
/** Other commands end, as by a signal. */
let stdoutIsLost: (name: string) => void = () => undefined
let isIncomplete = false
/** To ask `process.stdin` would open it, and change it for the programs that share it. */
const isStdinTerminal = isatty(0)
/** Beside the bundle. */
const inSources = sourceStacks(new URL('source-lines.json', import.meta.url))
const untilStdoutIsLost = new Promise<string>((resolve) => (stdoutIsLost = resolve))

/** Runs one command line, with this process around it. @returns the exit code */
export async function runProgram(args: readonly string[]): Promise<number> {
  // Node shows the error afterwards, and ends.
  process.on('uncaughtExceptionMonitor', (error: unknown) => {
    if (error instanceof Error) error.stack = inSources(error.stack ?? error.message)
  })
  process.stdout.on('error', stdoutFailed)
  // With standard error closed, no message is possible.
  process.stderr.on('error', () => undefined)
  return await runCommandLine(args, {
    calledAs: nameOf(process.argv[1]),
    env: process.env,
    stdin: () => process.stdin,
    stdout: sized(process.stdout),
    stderr: sized(process.stderr),
    isInteractive: isStdinTerminal && process.stderr.isTTY,
    untilSignal,
    onHangup,
    onStdoutClosed,
    ...(isStdinTerminal && { onKey }),
    saveMemory,
    measureProcess,
    inSources,
  })
}

/** A terminal that has no size yet, as `kubectl exec -t` may give one, counts as one of the usual size. */
function sized(stream: NodeJS.WriteStream): Output {
  return {
    get isTTY() {
      return stream.isTTY
    },
    get columns() {
      return stream.columns > 0 ? stream.columns : 80
    },
    get rows() {
      return stream.rows > 0 ? stream.rows : 24
    },
    get writableLength() {
      return stream.writableLength
    },
    write: (text) => stream.write(text),
  }
}

/** kubectl runs `kubectl-holdfast` for `kubectl holdfast`. */
function nameOf(path = ''): string {
  return basename(path).startsWith('kubectl-') ? 'kubectl holdfast' : 'holdfast'
}

function stdoutFailed(error: NodeJS.ErrnoException): void {
  const isUnread = error.code === 'EPIPE'
  const why = isUnread ? 'nobody reads it any more (EPIPE)' : inWords(error)
  for (const listener of stdoutListeners) listener(why)
  if (stdoutListeners.size > 0) return
  // EPIPE: the reader, such as `| head`, closed early, which is no error. The exit code still has the result.
  if (!isUnread) outputIsIncomplete(why)
  stdoutIsLost('SIGPIPE')
}

/** A full disk, for example: a part of the command's output is missing. */
function outputIsIncomplete(why: string): void {
  if (isIncomplete) return
  isIncomplete = true
  process.stderr.write(`holdfast: standard output cannot be written: ${why}. So it is not complete\n`)
  // The error may come after the command has ended.
  process.on('exit', () => (process.exitCode = exitCode.couldNotRun))
}

/** A second signal ends the process at once. */
function untilSignal(): Promise<string> {
  return Promise.race([untilSent(), untilStdoutIsLost])
}

function untilSent(): Promise<string> {
  const signals = ['SIGTERM', 'SIGINT'] as const
  return new Promise((resolve) => {
    const listener = (signal: string) => {
      for (const name of signals) process.removeListener(name, listener)
      resolve(signal)
    }
    for (const name of signals) process.on(name, listener)
  })
}

function onHangup(listener: () => void): () => void {
  process.on('SIGHUP', listener)
  return () => process.removeListener('SIGHUP', listener)
}

function onStdoutClosed(listener: (why: string) => void): () => void {
  stdoutListeners.add(listener)
  return () => stdoutListeners.delete(listener)
}

/** The terminal sends no signals meanwhile, so Ctrl-C, Ctrl-\ and Ctrl-Z become signals here. */
function onKey(listener: (typed: string) => void): () => void {
  const { stdin } = process
  const take = (typed: string): void => {
    if (typed.includes('\u0003')) process.kill(process.pid, 'SIGINT')
    else if (typed.includes('\u001C') || typed.includes('\u001A')) {
      // Both can take effect at once, and then no other code gives the terminal back.
      stdin.setRawMode(false)
      process.kill(process.pid, typed.includes('\u001C') ? 'SIGQUIT' : 'SIGTSTP')
    } else listener(typed)
  }
  const goOn = (): void => void stdin.setRawMode(true)
  stdin.setRawMode(true).setEncoding('utf8').on('data', take)
  process.on('SIGCONT', goOn)
  return () => {
    process.removeListener('SIGCONT', goOn)
    stdin.removeListener('data', take)
    stdin.setRawMode(false).pause()
  }
}

async function measureProcess(registry: Registry): Promise<void> {
  const { collectDefaultMetrics } = await import('prom-client')
  collectDefaultMetrics({ register: registry })
}
