import { createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import type { AuditRecord } from '../../observability/audit-record.ts'
import type { HoldRecord } from '../../observability/hold-record.ts'
import { linesType } from '../../observability/audit-record.ts'
import { guardPlace } from '../guard/guard-place.ts'
import { NoReplica, reachReplicas } from '../guard/reach-replicas.ts'
import { type ClusterFlags, connectWith } from '../options/cluster-options.ts'
import type { ReplicaFlags } from '../options/replica-options.ts'
import { CannotRun, type Surroundings } from '../surroundings.ts'
import { entriesIn, recordsIn } from './query.ts'
import { inWords } from '../../text/system-error.ts'

/** A replica that is silent for this long is given up, in milliseconds. `--follow` waits without limit. */
const silenceMs = 15_000

/** A source of records. */
export interface SourceFlags extends ClusterFlags, ReplicaFlags {
  readonly follow: boolean
  /** Requests that wait are told of too, where they are followed. */
  readonly holds?: boolean
}

/** Records of one replica, file or stream. */
export interface AuditSource {
  readonly records: AsyncIterable<AuditRecord | HoldRecord>
  /** The name of a file or stream. Absent for a replica, which may have no records. */
  readonly text?: string
  readonly close: () => void
}

interface Reading extends Pick<Surroundings, 'env' | 'isInteractive' | 'clock' | 'stdin'> {
  /** Ends following. */
  readonly signal: AbortSignal
  /** Called with notes for the person. */
  readonly note: (text: string) => void
  /** How long a replica may be silent, in milliseconds. */
  readonly silenceMs?: number
}

/** Finds the requested source: a file, standard input, one replica, or all running ones. @throws CannotRun */
export async function auditSources(
  source: string | undefined,
  flags: SourceFlags,
  reading: Reading,
): Promise<AuditSource[]> {
  if (source !== undefined && flags.address !== undefined)
    throw new CannotRun(`${source} and --address are two sources: name one of them`)
  if (source === '-') return [standardInput(reading)]
  if (source !== undefined) return [await file(source)]
  if (flags.address !== undefined) return flags.address.map((address) => replica(address, flags, reading))
  return await runningReplicas(flags, reading)
}

function standardInput({ stdin }: Reading): AuditSource {
  const stream = stdin()
  return { text: 'standard input', records: recordsIn(stream), close: () => stream.destroy() }
}

async function file(path: string): Promise<AuditSource> {
  try {
    await access(path)
    const facts = await stat(path)
    if (facts.isDirectory()) throw new Error('it is a folder, and a file is needed')
    // Some have no end.
    if (!facts.isFile() && !facts.isFIFO()) throw new Error('it is a device, and a file or a pipe is needed')
  } catch (cause) {
    throw new CannotRun(`cannot read the audit file ${path}: ${inWords(cause)}`, { cause })
  }
  const stream = createReadStream(path)
  return { text: path, records: recordsIn(stream), close: () => stream.destroy() }
}

function replica(address: URL, { follow, holds = false }: SourceFlags, reading: Reading): AuditSource {
  const url = new URL('/audit', address)
  if (follow) url.searchParams.set('follow', 'true')
  if (follow && holds) url.searchParams.set('holds', 'true')
  return { records: ask(url, follow, reading), close: () => undefined }
}

async function* ask(
  url: URL,
  follow: boolean,
  reading: Reading,
): AsyncGenerator<AuditRecord | HoldRecord, void> {
  const silence = new Silence(reading.silenceMs ?? silenceMs)
  const signal = AbortSignal.any([reading.signal, silence.signal])
  try {
    const response = await fetch(url, { signal, redirect: 'manual' })
    const { status, body } = response
    const type = response.headers.get('content-type') ?? 'nothing'
    if (!response.ok || !body || !type.startsWith(linesType)) {
      await body?.cancel()
      throw new CannotRun(
        `${url.origin} is not the operator port of a guard: it answered ${status} with ${type}, and ${linesType} is needed. Name the address at which a guard serves its operator API, port 8081 by default`,
      )
    }
    if (follow) silence.end()
    for await (const record of entriesIn(chunksOf(body, silence))) yield record
  } catch (cause) {
    if (reading.signal.aborted) return
    if (cause instanceof CannotRun) throw cause
    const advice = url.protocol === 'http:' ? '' : '. The operator API of a guard speaks http'
    throw new CannotRun(`cannot read the audit of the guard at ${url.origin}: ${inWords(cause)}${advice}`, {
      cause,
    })
  } finally {
    silence.end()
  }
}

/** Ends a source that is silent for too long. */
class Silence {
  readonly #limit = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(ms: number) {
    const problem = new Error(`it said nothing for ${ms / 1_000} s`)
    this.#timer = setTimeout(() => this.#limit.abort(problem), ms)
  }

  get signal(): AbortSignal {
    return this.#limit.signal
  }

  /** The source has sent something. */
  broken(): void {
    if (!this.#ended) this.#timer.refresh()
  }

  end(): void {
    this.#ended = true
    clearTimeout(this.#timer)
  }

  #ended = false
}

async function* chunksOf(body: ReadableStream<Uint8Array>, silence: Silence): AsyncGenerator<Buffer, void> {
  for await (const chunk of body) {
    silence.broken()
    yield Buffer.from(chunk)
  }
}

async function runningReplicas(flags: SourceFlags, reading: Reading): Promise<AuditSource[]> {
  const connection = await connectWith(flags, reading)
  try {
    const namespace = await guardPlace(connection, flags, reading)
    const ports = await reachReplicas(
      { ...flags, namespace, env: reading.env, isInteractive: reading.isInteractive },
      connection,
      reading.signal,
      reading.note,
    )
    return ports.map(({ url, close }) => ({ ...replica(new URL(url), flags, reading), close }))
  } catch (error) {
    if (!(error instanceof NoReplica)) throw error
    throw new CannotRun(`${error.message}; name its namespace with --namespace, or a file`, { cause: error })
  } finally {
    connection.close()
  }
}
