import { constants, open as openFile } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { promisify } from 'node:util'
import { type Clock, systemClock } from '../time/clock.ts'

/**
 * The largest files, in bytes. Kubernetes keeps at most 1 MiB in a Secret or ConfigMap, and configuration,
 * certificates and tokens come from those. A cluster of 20,000 copies fits into 64 MiB.
 */
export const mostBytes = {
  configuration: 2 ** 20,
  credential: 2 ** 20,
  kubeconfig: 8 * 2 ** 20,
  patch: 8 * 2 ** 20,
  plan: 2 ** 20,
  template: 2 ** 20,
  manifest: 64 * 2 ** 20,
} as const

/** Long enough for a program that renders or reads many manifests, in milliseconds. */
export const longestPipeMs = 120_000

/** A source has more bytes than it may have. The rest was not read. */
export class TooManyBytes extends Error {
  constructor(most: number) {
    super(`it is larger than ${most / 2 ** 20} MiB, the limit for it`)
    this.name = 'TooManyBytes'
  }
}

/** The end of reading. */
interface Reading {
  readonly signal?: AbortSignal
  /** How long a pipe may take, in milliseconds. */
  readonly pipeMs?: number
  /** Counts that time. */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/**
 * The content of a file, a device or a pipe, of which it keeps no more than the limit.
 *
 * @throws TooManyBytes, or an Error of Node; the signal's reason if it aborts before the file is open, and an AbortError with
 *   that as its cause if it does so later
 */
export async function readBounded(path: string, most: number, reading: Reading = {}): Promise<Buffer> {
  reading.signal?.throwIfAborted()
  if ((await stat(path)).isFIFO()) return await readPipe(path, most, reading)
  const file = await open(path)
  try {
    const { size } = await file.stat()
    // A stream that ends before anyone listens to it ends the process with its error.
    reading.signal?.throwIfAborted()
    if (size > most) throw new TooManyBytes(most)
    // Without end, it would close the file a second time.
    const options = { autoClose: false, ...(reading.signal && { signal: reading.signal }) }
    return await readBoundedStream(file.createReadStream(options), most)
  } finally {
    await file.close()
  }
}

/** The content of a stream, for standard input. @throws TooManyBytes, or the error of the stream */
export async function readBoundedStream(
  stream: AsyncIterable<Buffer | string>,
  most: number,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of stream) {
    const its = Buffer.from(chunk)
    bytes += its.length
    if (bytes > most) throw new TooManyBytes(most)
    chunks.push(its)
  }
  return Buffer.concat(chunks)
}

/**
 * A pipe that no program has opened for writing blocks the thread that opens it for reading, and Node has four
 * of those for all files.
 */
async function readPipe(
  path: string,
  most: number,
  { signal, pipeMs = longestPipeMs, clock = systemClock }: Reading,
): Promise<Buffer> {
  const fd = await promisify(openFile)(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const pipe = new Socket({ fd, readable: true, writable: false })
  const cancel = clock.setTimer(pipeMs, () =>
    pipe.destroy(new Error(`it is a pipe, and its writer did not end within ${pipeMs / 1_000} s`)),
  )
  try {
    signal?.throwIfAborted()
    if (signal) addAbortSignal(signal, pipe)
    return await readBoundedStream(pipe, most)
  } finally {
    cancel()
    pipe.destroy()
  }
}
