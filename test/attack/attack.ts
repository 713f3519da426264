// Run by `npm run test:attack`: one attack after the other against a guard with the memory that the chart gives it, while 50
// real writes a second come in. None of those may fail or take longer than a second. `-- WORD` tries those whose name has it.
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { table } from '../../src/commands/table.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { Tally } from './attackers.ts'
import { type Attack, attacks } from './attacks.ts'
import { Cluster } from './cluster.ts'
import { GuardProcess } from './guard-process.ts'
import type { Stream, Way } from './real-writes.ts'
import { scheduledOf, slowdown } from './scheduled.ts'

/** How many times slower than usual this machine may be. */
const patience = Number(process.env.HOLDFAST_PATIENCE) || 1
/**
 * The longest that a real write may take if guard and cluster never wait for a processor. The test subtracts such waits,
 * which the kernel counts, and the lateness of the measuring process.
 */
const mostMs = 1_000 * patience
const mostMiB = 400
const [calmMs, attackMs] = [2_000, 6_000]
/**
 * If guard or cluster wait this long for a processor, calls end at their deadline, and the test is
 * inconclusive.
 */
const mostSlowdown = 10
/** The rate of real writes, per second. */
const usualPace = 50
/**
 * If it takes longer than this without an attack, in milliseconds, the machine is too slow for that rate, and
 * half of it is used.
 */
const calmEnoughMs = 500
const leastPace = 5

const words = process.argv.slice(2)
const chosen = attacks.filter(({ name, door }) => words.every((word) => `${door}: ${name}`.includes(word)))
if (chosen.length === 0) {
  const names = attacks.map(({ name, door }) => `${door}: ${name}`)
  console.error(`There is no attack with ${words.join(' and ')} in its name. There are:\n${names.join('\n')}`)
  process.exit(2)
}

const folder = await mkdtemp(join(tmpdir(), 'holdfast-attack-'))
const path = (name: string): string => join(folder, name)
const clock = { now: Date.now }
const authority = await makeAuthority(clock)
const serving = await issueServing(authority, { dns: [], ips: ['127.0.0.1'] }, clock)
const cluster = await Cluster.start()
await writeFile(path('kubeconfig'), cluster.kubeconfig)
await writeFile(path('strict-kubeconfig'), cluster.strict.kubeconfig)
await writeFile(path('tls.crt'), serving.cert)
await writeFile(path('tls.key'), serving.key)

const idle = { ranMs: 0, waitedMs: 0 }
const rows: string[][] = []
let broken = 0
let unanswered = 0
try {
  for (const attack of chosen) rows.push(await suffered(attack))
} finally {
  await cluster.stop()
  await rm(folder, { recursive: true, force: true })
}
const headings = [
  'ATTACK',
  'DOOR',
  'A SECOND',
  'ANSWERED',
  'FAILED',
  'MEDIAN',
  'SLOWEST',
  'BEFORE',
  'BUSY MACHINE',
  'WITHOUT THAT',
  'MEMORY',
  'SHOTS',
]
const columns = headings.map((heading, at) => ({ heading, cell: (row: readonly string[]) => row[at] ?? '' }))
console.log(`\n${table(columns, rows)}`)
console.log(`${chosen.length - broken - unanswered} of ${chosen.length} withstood, ${broken} not`)
if (unanswered > 0) console.log(`${unanswered} cannot be told; each says above why`)
process.exitCode = broken > 0 ? 1 : unanswered > 0 ? 2 : 0

/** Each attack has its own guard, so that it does not hide in the memory of another attack. */
async function suffered(attack: Attack): Promise<string[]> {
  const guard = await GuardProcess.start(argsFor(attack), attack.output)
  try {
    if (attack.door === 'webhook')
      await cluster.register(`https://127.0.0.1:${guard.port}/validate`, authority.cert)
    const way = wayOf(attack, guard.port)
    // The first writes wait for code that is compiled at its first use.
    await cluster.stream(way, 1_000, leastPace)
    const { calm, pace } = await calmly(way)
    guard.forgetPeak()
    const over = new AbortController()
    const pids = [guard.pid, cluster.pid]
    const before = pids.map(scheduledOf)
    const tally = new Tally()
    const going = attack.go({
      port: guard.port,
      isTls: attack.door === 'webhook',
      signal: over.signal,
      tally,
    })
    const under = await cluster.stream(way, attackMs, pace)
    over.abort()
    await going
    return judged(attack, guard, {
      pace,
      calm,
      under,
      tally,
      slowdown: Math.max(...pids.map((pid, at) => slowdown(before[at] ?? idle, scheduledOf(pid)))),
    })
  } finally {
    if (attack.door === 'webhook') await cluster.unregister()
    await guard.stop()
  }
}

/** As many writes as the machine can do, and their results without an attack. */
async function calmly(way: Way): Promise<{ readonly calm: Stream; readonly pace: number }> {
  for (let pace = usualPace; ; pace /= 2) {
    const calm = await cluster.stream(way, calmMs, pace)
    const isCalm = calm.failures.length === 0 && calm.slowestMs < calmEnoughMs
    if (isCalm || pace / 2 < leastPace) return { calm, pace }
  }
}

interface Measured {
  /** Real writes a second. */
  readonly pace: number
  readonly calm: Stream
  readonly under: Stream
  readonly tally: Tally
  /** How many times slower guard or cluster were than with a processor of their own. */
  readonly slowdown: number
}

function judged(
  { name, door, comesTo }: Attack,
  guard: GuardProcess,
  { pace, calm, under, tally, slowdown }: Measured,
): string[] {
  const { answered, failures, medianMs, slowestMs } = under
  const ownMs = (slowestMs - under.ownLagMs) / slowdown
  const peakMiB = guard.peakMiB
  const problems = [
    ...(guard.isAlive ? [] : ['the guard has ended']),
    ...(failures.length > 0 ? [`${failures.length} real writes failed: ${failures[0]}`] : []),
    ...(calm.failures.length > 0
      ? [`${calm.failures.length} failed before already: ${calm.failures[0]}`]
      : []),
    ...(ownMs > mostMs ? [`a real write took ${Math.round(slowestMs)} ms`] : []),
    ...(peakMiB > mostMiB ? [`it took ${Math.round(peakMiB)} MiB`] : []),
  ]
  // A guard that has ended, or took too much memory, has failed whatever else ran.
  const isCertain = !guard.isAlive || peakMiB > mostMiB
  const undecided = [
    ...(tally.of(comesTo) > 0
      ? []
      : [`no shot came to ${comesTo}, so the attack did not reach what it attacks: ${tally.toString()}`]),
    ...(problems.length > 0 && slowdown > mostSlowdown
      ? [
          `guard or cluster waited for a processor so long that all took ${slowdown.toFixed(1)} times as long, and up to ${mostSlowdown} can be told: other programs took the processors`,
        ]
      : []),
    ...(problems.length > 0 && calm.failures.length > 0
      ? ['real writes failed before the attack began, so it is not the attack that they failed of']
      : []),
  ]
  const isUntold = undecided.length > 0 && !isCertain
  if (isUntold) unanswered += 1
  else if (problems.length > 0) broken += 1
  const said = [...problems, ...(isUntold ? undecided.map((why) => `cannot be told: ${why}`) : [])]
  const outcome = isUntold ? 'UNTOLD' : problems.length > 0 ? 'BROKEN' : 'ok    '
  console.log(`${outcome} ${door}: ${name}${said.map((each) => `\n       ${each}`).join('')}`)
  for (const complaint of guard.complaints.slice(0, 3)) console.log(`       it says: ${complaint.trim()}`)
  const ms = (value: number): string => `${value.toFixed(0)} ms`
  return [
    name,
    door,
    String(Math.round(pace)),
    String(answered),
    String(failures.length),
    ms(medianMs),
    ms(slowestMs),
    ms(calm.slowestMs),
    `${slowdown.toFixed(1)} times`,
    ms(Math.max(0, ownMs)),
    `${peakMiB.toFixed(0)} MiB`,
    tally.toString(),
  ]
}

function wayOf({ door }: Attack, port: number): Way {
  if (door === 'webhook') return { door }
  const url = `http://127.0.0.1:${port}`
  return door === 'kubernetes' ? { door, url, token: cluster.strict.token } : { door, url }
}

function argsFor({ door, diskHangs = false }: Attack): string[] {
  const kubeconfig = path(door === 'kubernetes' ? 'strict-kubeconfig' : 'kubeconfig')
  const common = ['--kubeconfig', kubeconfig, ...(diskHangs ? ['--audit-file', hangingFile()] : [])]
  const listen = ['--listen', '127.0.0.1:0']
  switch (door) {
    case 'webhook':
      return [
        'serve',
        ...common,
        '--host',
        '127.0.0.1',
        '--port',
        '0',
        '--tls-cert',
        path('tls.crt'),
        '--tls-key',
        path('tls.key'),
      ]
    case 'kubernetes':
      return ['proxy', 'kubernetes', ...common, ...listen, '--caller-token']
    case 'longhorn':
      return ['proxy', 'longhorn', ...common, ...listen, '--upstream', cluster.rest]
  }
}

/** A pipe without a reader: writes to it hang once it has taken 64 KiB. */
function hangingFile(): string {
  const file = path('audit.fifo')
  execFileSync('mkfifo', [file])
  return file
}
