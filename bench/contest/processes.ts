import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { imageStart } from '../../test/fixtures/image-start.ts'
import type { Listening } from './contender.ts'
import { type ProfiledFunction, profileWhenAsked, profiling } from './profiler.ts'

/** Longer than any start. */
const startMs = 60_000

/**
 * Starts a server in a process of Node. The module gets the settings in a message, answers with its port, and ends once
 * the connection to it does.
 */
export async function forked(
  module: string,
  settings: object,
  env: NodeJS.ProcessEnv = {},
): Promise<Listening> {
  const isGuard = 'name' in settings && settings.name === 'holdfast'
  const { options, variables } = isGuard ? imageStart() : { options: [], variables: {} }
  const child = fork(module, {
    execArgv: [...process.execArgv, ...options],
    env: { ...process.env, ...variables, ...env },
  })
  child.send(settings)
  const [port] = (await withinStart(child, (signal) => once(child, 'message', { signal }))) as [number]
  const profiled = async (work: () => Promise<void>): Promise<readonly ProfiledFunction[]> => {
    const asked = async (what: string): Promise<unknown> => {
      child.send(what)
      const [answer] = (await once(child, 'message', { signal: AbortSignal.timeout(startMs) })) as unknown[]
      return answer
    }
    await asked(profiling.begin)
    await work()
    return (await asked(profiling.end)) as readonly ProfiledFunction[]
  }
  return { pid: child.pid ?? 0, port, profiled, stop: () => child.disconnect() }
}

/** Starts a program that writes its port as its first line, and ends once its input does. */
export async function spawned(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Listening> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)
  const [port] = (await withinStart(child, (signal) => once(lines, 'line', { signal }))) as [string]
  return { pid: child.pid ?? 0, port: Number(port), stop: () => child.stdin.end() }
}

/** Waits for its first word. @throws if it ends before, or takes too long */
export async function withinStart<Word>(
  child: ChildProcess,
  wait: (signal: AbortSignal) => Promise<Word>,
): Promise<Word> {
  const ended = new AbortController()
  const end = (cause: unknown): void =>
    ended.abort(new Error(`${child.spawnfile} has not come to listen`, { cause }))
  const timer = setTimeout(end, startMs, 'it took too long')
  child.once('error', end).once('exit', end)
  try {
    return await wait(ended.signal)
  } catch (error) {
    child.kill()
    throw ended.signal.aborted ? ended.signal.reason : error
  } finally {
    clearTimeout(timer)
    child.off('error', end).off('exit', end)
  }
}

/** The other end of `forked`: says the port of the server that the message asked for. */
export function serveAt(port: Promise<number>): void {
  profileWhenAsked()
  void port.then((number) => process.send?.(number))
  process.once('disconnect', () => process.exit(0))
}
