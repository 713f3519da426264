import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { runCommandLine } from '../../src/command-line.ts'
import type { Clock } from '../../src/time/clock.ts'
import { hangMs } from '../fixtures/limits.ts'
import { holdfast } from '../fixtures/main.ts'

/** Variables of an environment, by name. */
type Variables = Readonly<Record<string, string>>

/** The results of an ended command. */
export interface Ended {
  /** Null if a signal ended it the hard way. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs, in this process or in one of its own. */
export interface Running {
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves with its exit code; null if a signal ended it the hard way. */
  readonly exit: Promise<number | null>
  /** Sends it a signal, or what a command notices of one. */
  readonly kill: (signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => void
  /** Ends it, for teardowns. Resolves once it has ended. */
  readonly end: () => Promise<unknown>
  /** For a process; undefined within this one. */
  readonly pid?: number | undefined
}

/**
 * Starts `holdfast` within this process, with nothing of its environment.
 *
 * @param input what it reads on standard input
 * @param clock by which an API server has to answer
 * @param calledAs the name by which the user called it
 */
export function start(
  args: readonly string[],
  env: Variables = {},
  input = '',
  isInteractive = false,
  clock?: Clock,
  calledAs?: string,
): Running {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  let end: (signal: string) => void = () => undefined
  const signalled = new Promise<string>((resolve) => (end = resolve))
  const hangups = new Set<() => void>()
  const kill = (signal: string): void => {
    if (signal !== 'SIGHUP') end(signal)
    else for (const listener of hangups) listener()
  }
  const exit = runCommandLine(args, {
    env: { HOME: '/dev/null', ...env },
    isInteractive,
    ...(clock && { clock }),
    ...(calledAs !== undefined && { calledAs }),
    stdin: () => Readable.from([Buffer.from(input)]),
    stdout,
    stderr,
    untilSignal: () => signalled,
    onHangup(listener) {
      hangups.add(listener)
      return () => hangups.delete(listener)
    },
    onStdoutClosed(listener) {
      const failed = (error: NodeJS.ErrnoException): void => listener(error.code ?? error.message)
      stdout.on('error', failed)
      // A failure after the end of the command is the test's own.
      return () => stdout.off('error', failed).on('error', () => undefined)
    },
    // Its collectors stay for as long as a process.
    measureProcess: () => Promise.resolve(),
  }).finally(() => {
    stdout.end()
    stderr.end()
  })
  const ended = (): Promise<unknown> => {
    kill('SIGTERM')
    return exit
  }
  return { stdout, stderr, exit, kill, end: ended }
}

/**
 * Runs `holdfast` to its end, within this process.
 *
 * @param input what it reads on standard input
 * @param calledAs the name by which the user called it
 */
export async function run(
  args: readonly string[],
  env: Variables = {},
  input = '',
  calledAs?: string,
): Promise<Ended> {
  return await ended(start(args, env, input, false, undefined, calledAs))
}

/** The same in a process of its own: one of each command, and where signals or the streams of a process matter. */
export function startProcess(args: readonly string[], env: Variables = {}, input = ''): Running {
  const { PATH = '', NODE_V8_COVERAGE } = process.env
  const inherited = {
    PATH,
    HOME: '/dev/null',
    ...(NODE_V8_COVERAGE !== undefined && { NODE_V8_COVERAGE }),
  }
  return startProgram(process.execPath, [...holdfast, ...args], { ...inherited, ...env }, input)
}

/** Runs `holdfast` to its end, as a process of its own. @param input what it reads on standard input */
export async function runProcess(args: readonly string[], env: Variables = {}, input = ''): Promise<Ended> {
  return await ended(startProcess(args, env, input))
}

/** Runs another program to its end. @param input what it reads on standard input */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Variables,
  input = '',
): Promise<Ended> {
  return await ended(startProgram(program, args, env, input))
}

/** Starts another program. @param input what it reads on standard input */
export function startProgram(
  program: string,
  args: readonly string[],
  env: Variables,
  input: string,
): Running {
  const child = spawn(program, args, { env, stdio: 'pipe' })
  const { stdin, stdout, stderr } = child
  // It may end without reading.
  stdin.on('error', () => undefined)
  stdin.end(input)
  const exit = exitOf(child)
  const end = (): Promise<unknown> => {
    child.kill('SIGKILL')
    return exit
  }
  return { stdout, stderr, exit, pid: child.pid, kill: (signal) => void child.kill(signal), end }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  await once(child, 'exit')
  return child.exitCode
}

async function ended({ stdout, stderr, exit }: Running): Promise<Ended> {
  const [out, err, code] = await Promise.all([text(stdout), text(stderr), exit])
  return { code, stdout: out, stderr: err }
}

/**
 * The lines that a command prints, one after the other: waits for the next that matches.
 *
 * @param before gets each line that was read
 * @throws Error if none comes that matches
 */
export function linesOf(
  { stdout }: Pick<Running, 'stdout'>,
  before: string[] = [],
): (pattern: RegExp) => Promise<string> {
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  return async (pattern) => {
    for (;;) {
      const next = await soon(
        lines.next(),
        () => `nothing like ${String(pattern)} came: ${before.join('\n')}`,
      )
      if (next.done === true) throw new Error(`ended without ${String(pattern)}: ${before.join('\n')}`)
      before.push(next.value)
      if (pattern.test(next.value)) return next.value
    }
  }
}

/** @throws Error with the problem if it hangs */
async function soon<T>(coming: Promise<T>, problem: () => string): Promise<T> {
  let cancel = (): void => undefined
  const hung = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(problem())), hangMs)
    cancel = () => clearTimeout(timer)
  })
  return await Promise.race([coming, hung]).finally(cancel)
}

/** The log that a server writes, entry by entry: waits for the next with this message. @throws if none comes */
export function logOf(
  running: Pick<Running, 'stdout'>,
): (message: string) => Promise<Record<string, unknown>> {
  const until = linesOf(running)
  return async (message) =>
    JSON.parse(await until(new RegExp(`"msg":${JSON.stringify(message)}`))) as Record<string, unknown>
}
