// Runs tests, a few processes at a time, and says what came of them.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { Parser } from 'tap-parser'

/** A process that has not ended after this hangs. Machines may be ten times slower than usual, and tests none the wiser. */
const hangMs = 15 * 60_000 * Number(process.env.HOLDFAST_PATIENCE ?? 1)

/** So much of what a process wrote beside its tests is shown if it ends without telling which of them failed. */
const shownLines = 20

const node = ['--import=./test/runner/typescript.mjs', '--import=./test/runner/environment.mjs']

/**
 * Runs the groups.
 *
 * @param groups the files of each process
 * @param env what the processes get besides the environment
 * @param told called with each group that has ended
 * @returns the results of all groups
 */
export async function run(groups, env, told) {
  const waiting = [...groups]
  const results = []
  const lane = async () => {
    for (let files = waiting.shift(); files; files = waiting.shift()) {
      const result = await runGroup(files, env)
      results.push(result)
      told(result)
    }
  }
  // One more than there are cores, since some of them wait most of the time.
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, lane))
  return results
}

/** Resolves once the process has ended: what passed, what was skipped, and each failure with what tap says of it. */
async function runGroup(files, env) {
  const began = performance.now()
  const child = spawn(process.execPath, [...node, 'test/runner/group.mjs', ...files], {
    env: { ...process.env, TAP_TIMEOUT: String(hangMs / 1_000), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const result = { files, passed: 0, skipped: 0, failures: [], seconds: 0 }
  const beside = []
  const hear = (text) => {
    beside.push(
      ...String(text)
        .split('\n')
        .filter((line) => line.trim() !== ''),
    )
    beside.splice(0, beside.length - shownLines)
  }
  const parser = new Parser()
  parser.on('pass', () => result.passed++)
  parser.on('skip', () => result.skipped++)
  parser.on('fail', ({ fullname, name, diag }) => result.failures.push({ name: fullname || name, diag }))
  parser.on('extra', hear)
  child.stderr.on('data', hear)
  const parsed = new Promise((resolve) => parser.on('complete', resolve))
  child.stdout.pipe(parser)
  const hung = setTimeout(() => child.kill('SIGKILL'), hangMs)
  const [code, signal] = await new Promise((resolve) => child.on('close', (...how) => resolve(how)))
  clearTimeout(hung)
  const { ok } = await parsed
  result.seconds = (performance.now() - began) / 1_000
  if ((code !== 0 || !ok) && result.failures.length === 0) {
    const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`
    result.failures.push({ name: `${files.join(' ')} ${how}`, diag: { stack: beside.join('\n') } })
  }
  return result
}
