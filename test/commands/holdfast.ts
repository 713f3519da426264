import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { holdfast } from '../fixtures/main.ts'

/** What a command that has ended leaves behind. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts `holdfast` as a process of its own, with nothing of this environment but what is given. */
export function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const { PATH, NODE_V8_COVERAGE } = process.env
  const inherited = { PATH, NODE_V8_COVERAGE, HOME: '/nonexistent' }
  return spawn(process.execPath, [...holdfast, ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs `holdfast` to its end. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return await ended(start(args, env))
}

/** Runs another program to its end. @param input what it reads from standard input */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<Ended> {
  const child = spawn(program, args, { env, stdio: 'pipe' })
  // It may end without reading.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return await ended(child)
}

async function ended(child: ChildProcess): Promise<Ended> {
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new Error('the process was started without pipes')
  const close = once(child, 'close')
  const [out, err] = await Promise.all([text(stdout), text(stderr)])
  await close
  return { code: child.exitCode, stdout: out, stderr: err }
}
