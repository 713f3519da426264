import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { Session } from 'node:inspector/promises'
import { join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { configure } from '../../src/configuration/configuration.ts'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { LeaseBook } from '../../src/kubernetes/leases/reservation-book.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { systemClock } from '../../src/time/clock.ts'
import { review } from '../doors/webhook/review-builder.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { root } from '../fixtures/root.ts'

// Run by `npm run test:files`: through how many files of src one review goes, from the socket to the answer, by V8's own
// count of the functions that were called. The embedded cluster (v1.8.0, profile A) has its own process, so that only the
// guard counts. It prints the files of each review, and fails above the limits. `-- --list` names the files.

/**
 * The maximum number of files with reservations in memory. The files that the Leases and the API server's client add are
 * shown beside. The limits may fall and must not grow.
 */
const limits = { passing: 15, eviction: 45 }

interface Raw {
  readonly metadata: object
  readonly spec: Readonly<Record<string, unknown>>
}

/** The embedded cluster, until the parent ends. Its controllers look once, so that nothing changes by itself. */
async function beTheCluster(): Promise<void> {
  const longhorn = { reactMs: 3_600_000, syncMs: 3_600_000, drainMs: 3_600_000 }
  const usual = { port: 0, release: 'v1.8.0', nodes: 4, images: 2, report: () => undefined }
  const sandbox = await Sandbox.start({ ...usual, longhorn })
  process.on('disconnect', () => process.exit(0))
  process.send?.(sandbox.api.url)
}

async function measure(): Promise<void> {
  const cluster = fork(join(import.meta.dirname, 'files-of-a-review.ts'), ['--cluster'], {
    execArgv: process.execArgv,
  })
  const [server] = (await once(cluster, 'message')) as [string]
  const inMemory = await filesOf(server, 'in memory')
  const onLeases = await filesOf(server, 'on Leases')
  cluster.disconnect()
  const rows = [
    ['a write that raises no danger', inMemory.passing, limits.passing],
    ['an admitted eviction, reservations in memory', inMemory.eviction, limits.eviction],
    ['an admitted eviction, reservations on Leases', onLeases.eviction, undefined],
  ] as const
  let failed = false
  for (const [what, files, most] of rows) {
    const tooMany = most !== undefined && files.length > most
    failed ||= tooMany
    process.stdout.write(
      `${what}: ${files.length} files${most === undefined ? '' : `, at most ${most}`}${tooMany ? '  FAILED' : ''}\n`,
    )
    process.stdout.write(`  ${byRoom(files)}\n`)
    if (process.argv.includes('--list')) for (const file of files) process.stdout.write(`    ${file}\n`)
  }
  process.exitCode = failed ? 1 : 0
}

/** The files of src in which a function was called between a review and its answer, of a guard that has warmed up. */
async function filesOf(server: string, reservations: 'in memory' | 'on Leases') {
  const tls = await certificateFor('localhost')
  const connection = connectTo(server)
  const problem = (error: Error): never => {
    throw error
  }
  // As if it had been read a minute ago, so that what left a page before that is in every map.
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() - 60_000 }
  const book =
    reservations === 'in memory'
      ? new InProcessBook()
      : new LeaseBook({ connection, namespace: 'default', replica: 'one', clock, onProblem: problem })
  const guard = new Guard(
    configure([{ host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s' }]),
    { connection, tls, book, log: createLog('info', { write: () => undefined }) },
  )
  const { port } = await guard.start()
  await guard.whenSynced(AbortSignal.timeout(30_000))
  const stored = async (name: string): Promise<Raw> =>
    (await jsonRequest(connection, {
      method: 'GET',
      path: `/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/${name}`,
      signal: AbortSignal.timeout(10_000),
    })) as Raw
  const agent = new Agent({ ca: tls.cert, keepAlive: true, maxSockets: 1 })
  const post = async (before: Raw, spec: object): Promise<boolean> => {
    const body = JSON.stringify(
      review('Node', { before, after: { ...before, spec: { ...before.spec, ...spec } } }),
    )
    const asking = request({ host: '127.0.0.1', port, agent, path: '/validate?timeout=10s', method: 'POST' })
    asking.setHeader('content-type', 'application/json').end(body)
    const [answer] = (await once(asking, 'response')) as [AsyncIterable<Buffer>]
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    const { response } = JSON.parse(Buffer.concat(chunks).toString()) as { response: { allowed: boolean } }
    return response.allowed
  }
  const [first, ...others] = [await stored('node-1'), await stored('node-2'), await stored('node-3')]
  const evicting = { allowScheduling: false, evictionRequested: true }
  const functions = await Functions.watched()
  const files = async (before: Raw, spec: object): Promise<string[]> => {
    // Work that the review before has left is not part of this one.
    await wait(1_000)
    await functions.called()
    if (!(await post(before, spec))) throw new Error('the review was denied')
    return await functions.called()
  }
  // The first reviews do not count: they compile schemas and open connections.
  await files(first, { tags: ['ssd'] })
  await files(first, evicting)
  const [passing, eviction]: [string[][], string[][]] = [[], []]
  for (const other of others) {
    passing.push(await files(other, { tags: ['ssd'] }))
    eviction.push(await files(other, evicting))
  }
  functions.stop()
  agent.destroy()
  if (book instanceof LeaseBook) await book.stop()
  await guard.stop()
  return { passing: inAll(passing), eviction: inAll(eviction) }
}

/**
 * Only files that every such review uses count. The watches of the guard are never still: a bookmark that comes in the
 * middle of one review is not part of it, and comes in no other.
 */
function inAll([first = [], ...others]: readonly (readonly string[])[]): string[] {
  return first.filter((file) => others.every((files) => files.includes(file)))
}

/** Finds the called functions by V8's own count. */
class Functions {
  readonly #session = new Session()

  private constructor() {
    this.#session.connect()
  }

  static async watched(): Promise<Functions> {
    const functions = new Functions()
    await functions.#session.post('Profiler.enable')
    await functions.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    return functions
  }

  /** The files of src with a function that was called since the last time, in order. */
  async called(): Promise<string[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage')
    return result
      .filter(
        ({ url, functions }) =>
          url.startsWith('file:') &&
          // The first function is the script itself, which runs once, when it is loaded.
          functions.some(({ ranges: [range] }) => range && range.startOffset > 0 && range.count > 0),
      )
      .map(({ url }) => relative(root, fileURLToPath(url)))
      .filter((file) => file.startsWith('src/'))
      .toSorted()
  }

  stop(): void {
    this.#session.disconnect()
  }
}

function byRoom(files: readonly string[]): string {
  const rooms = new Map<string, number>()
  for (const file of files) {
    const room = file.split('/')[1] ?? ''
    rooms.set(room, (rooms.get(room) ?? 0) + 1)
  }
  return [...rooms].map(([room, count]) => `${room} ${count}`).join(', ')
}

if (process.argv.includes('--cluster')) await beTheCluster()
else await measure()
