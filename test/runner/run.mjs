// Runs tests, a few processes at a time, and reports the results.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { Parser } from 'tap-parser'

/** A process that has not ended after this hangs: machines may be ten times slower than usual, and tests none the wiser. */
const hangMs = 15 * 60_000 * (Number(process.env.HOLDFAST_PATIENCE) || 1)
/** The thorough tests search for minutes. */
const thoroughly = 4

/** The lines of other output to show of a process that ends without naming a failed test. */
const shownLines = 20

const node = ['--import=./test/runner/typescript.mjs', '--import=./test/runner/environment.mjs']

/** The variables that the tests read. Others must not change their results. */
const { PATH, TMPDIR, NODE_COMPILE_CACHE, HOLDFAST_CRDS, HOLDFAST_ADMISSION_REVIEWS, HOLDFAST_PATIENCE } =
  process.env
const inherited = Object.entries({
  ...{ PATH, TMPDIR, NODE_COMPILE_CACHE, HOLDFAST_CRDS, HOLDFAST_ADMISSION_REVIEWS, HOLDFAST_PATIENCE },
}).filter(([, value]) => value !== undefined)
const clean = { ...Object.fromEntries(inherited), HOME: '/dev/null', LC_ALL: 'C', TZ: 'UTC' }

/** Each has its own process group, so that its children can be ended with it. */
const running = new Set()
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const child of running) kill(child)
    process.exit(1)
  })

/**
 * Runs the groups.
 *
 * @param groups the files of each process
 * @param env more variables for the processes
 * @param told called with each failure at once, and with each group that has ended
 * @returns the results of all groups
 */
export async function run(groups, env, told) {
  const waiting = [...groups]
  const results = []
  const lane = async () => {
    for (let files = waiting.shift(); files; files = waiting.shift()) {
      const result = await runGroup(files, env, told)
      results.push(result)
      told.group(result)
    }
  }
  // One more than there are cores, since some of them wait most of the time.
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, lane))
  return results
}

/** Resolves once the process has ended, with the tests that passed or were skipped, and each failure as tap reports it. */
async function runGroup(files, env, told) {
  const began = performance.now()
  const limitMs = env.HOLDFAST_THOROUGH ? hangMs * thoroughly : hangMs
  const child = spawn(process.execPath, [...node, 'test/runner/group.mjs', ...files], {
    // tap's own limit comes first, since it names the test.
    env: { ...clean, TAP_TIMEOUT: String((limitMs * 0.8) / 1_000), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  })
  running.add(child)
  const result = { files, passed: 0, skipped: 0, failures: [], seconds: 0 }
  const fail = (failure) => {
    result.failures.push(failure)
    told.failure(failure)
  }
  const beside = []
  const hear = (text) => {
    beside.push(
      ...String(text)
        .split('\n')
        .filter((line) => line.trim() !== ''),
    )
    beside.splice(0, beside.length - shownLines)
  }
  const notLoaded = new Set(files)
  let ended = false
  child.on('message', (message) => {
    if (message.loaded) notLoaded.delete(message.loaded)
    if (message.ended) ended = true
    if (message.stray)
      fail({
        name: `${files[0]} or another of its process: an error that no test catches`,
        diag: { stack: message.stray },
      })
    if (message.warned)
      fail({
        name: `${files[0]} or another of its process: more listeners than Node bears`,
        diag: { stack: message.warned },
      })
  })
  const parser = new Parser()
  parser.on('pass', () => result.passed++)
  parser.on('skip', () => result.skipped++)
  parser.on('fail', ({ fullname, name, diag }) => fail({ name: fullname || name, diag }))
  parser.on('extra', hear)
  child.stderr.on('data', hear)
  const parsed = new Promise((resolve) => parser.on('complete', resolve))
  child.stdout.pipe(parser)
  const hung = setTimeout(() => kill(child), limitMs)
  const [code, signal] = await new Promise((resolve) => child.on('close', (...how) => resolve(how)))
  clearTimeout(hung)
  // It may have left processes behind.
  kill(child)
  running.delete(child)
  const { ok } = await parsed
  result.seconds = (performance.now() - began) / 1_000
  const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`
  const diag = { stack: beside.join('\n') }
  if (notLoaded.size > 0)
    fail({ name: `${[...notLoaded].join(' ')}: never ran, since the process ${how}`, diag })
  else if (!ended || signal)
    fail({ name: `${files.join(' ')}: not all tests ran, since the process ${how}`, diag })
  else if ((code !== 0 || !ok) && result.failures.length === 0)
    fail({ name: `${files.join(' ')} ${how}`, diag })
  else if (result.passed + result.skipped + result.failures.length === 0)
    fail({ name: `${files.join(' ')}: there is no test`, diag })
  return result
}

/** With all that it has started. */
function kill(child) {
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}
