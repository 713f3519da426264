import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { Type } from 'typebox'
import { recordsIn } from '../audit/read-lines.ts'
import type { AuditRecord } from '../audit/record.ts'
import { jsonRequest } from '../kubernetes/json-request.ts'
import { forwardPort } from '../kubernetes/port-forward.ts'
import { parser } from '../longhorn/parse.ts'
import { connectWith, type ClusterFlags } from './cluster-options.ts'
import { CannotRun } from './exit-code.ts'

/** Where records are read from. */
export interface SourceFlags extends ClusterFlags {
  readonly address?: string
  readonly operatorPort: number
  readonly follow: boolean
}

/** Records of one replica, file or stream. */
export interface AuditSource {
  readonly records: AsyncIterable<AuditRecord>
  readonly close: () => void
}

interface Reading {
  /** Ends what is followed. */
  readonly signal: AbortSignal
  /** Told what a person should know besides. */
  readonly note: (text: string) => void
}

/** Finds what was asked for: a file, standard input, one replica, or all that run. @throws CannotRun */
export async function auditSources(
  source: string | undefined,
  flags: SourceFlags,
  reading: Reading,
): Promise<AuditSource[]> {
  if (source === '-') return [{ records: recordsIn(process.stdin), close: () => process.stdin.destroy() }]
  if (source !== undefined) return [await file(source)]
  if (flags.address !== undefined) return [replica(flags.address, flags, reading)]
  return await runningReplicas(flags, reading)
}

async function file(path: string): Promise<AuditSource> {
  try {
    await access(path)
  } catch (cause) {
    throw new CannotRun(`cannot read the audit file ${path}: ${String(cause)}`, { cause })
  }
  const stream = createReadStream(path)
  return { records: recordsIn(stream), close: () => stream.destroy() }
}

function replica(address: string, { follow }: SourceFlags, { signal }: Reading): AuditSource {
  return { records: ask(new URL('/audit', address), follow, signal), close: () => undefined }
}

async function* ask(url: URL, follow: boolean, signal: AbortSignal): AsyncGenerator<AuditRecord, void> {
  if (follow) url.searchParams.set('follow', 'true')
  try {
    const response = await fetch(url, { signal })
    if (!response.ok || !response.body) {
      throw new CannotRun(`${url.origin} answered ${response.status}: is it the operator port of a guard?`)
    }
    for await (const record of recordsIn(chunksOf(response.body))) yield record
  } catch (cause) {
    if (signal.aborted) return
    if (cause instanceof CannotRun) throw cause
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause)
    throw new CannotRun(`cannot read the audit of the guard at ${url.origin}: ${why}`, { cause })
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Buffer, void> {
  for await (const chunk of body) yield Buffer.from(chunk)
}

const parsePods = parser(
  Type.Object({
    items: Type.Array(
      Type.Object({
        metadata: Type.Object({ name: Type.String() }),
        status: Type.Optional(Type.Object({ phase: Type.Optional(Type.String()) })),
      }),
    ),
  }),
  ({ items }) =>
    items.filter(({ status }) => status?.phase === 'Running').map(({ metadata }) => metadata.name),
)

/** All that run now; one that starts later is not asked. */
async function runningReplicas(flags: SourceFlags, reading: Reading): Promise<AuditSource[]> {
  const { namespace, operatorPort: port } = flags
  const pods = await runningPods(flags, reading.signal)
  if (pods.length === 0) {
    throw new CannotRun(
      `no replica of the guard runs in namespace ${namespace} (label app.kubernetes.io/name=holdfast); name its namespace with --namespace, or a file`,
    )
  }
  const search = {
    ...(flags.kubeconfig === undefined ? {} : { kubeconfig: flags.kubeconfig }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
  }
  return await Promise.all(
    pods.map(async (pod) => {
      const problem = ({ message }: Error): void => reading.note(message)
      const { url, close } = await forwardPort(search, { namespace, pod, port }, problem)
      return { ...replica(url, flags, reading), close }
    }),
  )
}

async function runningPods(flags: SourceFlags, signal: AbortSignal): Promise<readonly string[]> {
  const connection = await connectWith(flags)
  try {
    const answer = await jsonRequest(connection, {
      method: 'GET',
      path: `/api/v1/namespaces/${encodeURIComponent(flags.namespace)}/pods`,
      query: { labelSelector: 'app.kubernetes.io/name=holdfast' },
      signal,
    })
    const pods = parsePods(answer)
    if (!pods.ok) throw new Error(pods.problem)
    return pods.value
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CannotRun(`cannot find the replicas of the guard in namespace ${flags.namespace}: ${why}`, {
      cause,
    })
  } finally {
    connection.close()
  }
}
