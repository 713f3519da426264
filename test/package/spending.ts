import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, runProgram } from '../commands/holdfast.ts'

/** What one run of a program has used. */
export interface Spending {
  /** Of the processor, in the program and for it in the kernel, in seconds. */
  readonly cpuSeconds: number
  /** The most memory at a time, in MB (2^20 bytes). */
  readonly residentMB: number
  readonly ended: Ended
}

const hook = join(import.meta.dirname, 'spent.mjs')

/**
 * Runs a program of Node to its end.
 *
 * @param folder for a file of its own
 */
export async function spending(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder: string,
): Promise<Spending> {
  const file = join(folder, 'spent.json')
  const ended = await runProgram(process.execPath, ['--import', hook, ...args], { ...env, SPENT_FILE: file })
  const { cpu, memory } = JSON.parse(await readFile(file, 'utf8')) as Record<'cpu' | 'memory', number>
  return { cpuSeconds: cpu / 1e6, residentMB: memory / 2 ** 20, ended }
}
