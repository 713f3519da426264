import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { type Ended, logOf, run, runProgram, start } from '../commands/holdfast.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'

/** A person at a shell, in a separate folder, with a cluster. */
export async function operator(t: Test, release = 'v1.8.0') {
  const sandbox = await embeddedCluster(t, { release, images: 1, longhorn: { drainMs: 50, rebuildMs: 50 } })
  const folder = t.testdir()
  const before = process.cwd()
  process.chdir(folder)
  t.teardown(() => process.chdir(before))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(sandbox.api.url, 'default'))
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: kubeconfig }
  /** Runs a command to its end. @param line as it is told, with holdfast in front or not */
  const holdfast = (line: string, input = ''): Promise<Ended> => run(wordsOf(line), env, input)
  /** Starts a server, waits until it listens, and ends it. @returns what it logged then */
  const listens = async (line: string) => {
    const running = start(wordsOf(line), env)
    t.teardown(running.end)
    running.stderr.resume()
    const listening = await logOf(running)('listening')
    await running.end()
    return listening
  }
  const started = (line: string) => start(wordsOf(line), env)
  const follow = (command: string) => runProgram('bash', ['-c', command], env)
  return { sandbox, folder, holdfast, started, listens, follow }
}

/** Quoted words stay together. */
export function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].flatMap(([, quoted, bare]) => quoted ?? bare ?? [])
  return words[0] === 'holdfast' ? words.slice(1) : words
}
