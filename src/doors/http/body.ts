import type { IncomingMessage } from 'node:http'
import { onAbort } from '../../time/clock.ts'
import { RelayFailure } from '../proxy/relay-failure.ts'

/** Limits of reading: size and time. */
interface BodyLimits {
  readonly maxBytes: number
  /** From the headers to the end, in milliseconds. */
  readonly bodyMs: number
  /**
   * For a body that is forwarded as it comes if it cannot be read whole: the part that was read is put back
   * then. Aborted to end the reading.
   */
  readonly orPutBack?: AbortSignal
}

/** Thrown for a body that cannot be read whole. */
export class BodyFailure extends Error {
  /** `cut`: its sender broke off. */
  readonly why: 'too-large' | 'too-slow' | 'cut'

  constructor(why: BodyFailure['why'], message: string) {
    super(message)
    this.name = 'BodyFailure'
    this.why = why
  }
}

/**
 * How much of a body that is too large is still read before the answer, since many clients read none while they send. After
 * the answer a connection is read on for a second only.
 */
const patienceFactor = 8

/** The whole body of a message. @throws BodyFailure, or the reason of `orPutBack` */
export async function readBody(
  message: IncomingMessage,
  { maxBytes, bodyMs, orPutBack }: BodyLimits,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const tooLarge = (): BodyFailure =>
    new BodyFailure(
      'too-large',
      `The body is larger than ${maxBytes} bytes, more than any write of this kind needs`,
    )
  return await new Promise<Buffer>((resolve, reject) => {
    let isOver = false
    const timer = setTimeout(() => {
      fail(new BodyFailure('too-slow', `The body did not come within ${bodyMs / 1_000} s`))
    }, bodyMs)
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size <= maxBytes || orPutBack) chunks.push(chunk)
      if (orPutBack && size > maxBytes) fail(tooLarge())
      else if (size > maxBytes * patienceFactor) fail(tooLarge())
    }
    const onEnd = (): void => {
      stop()
      if (size > maxBytes) reject(tooLarge())
      else resolve(Buffer.concat(chunks))
    }
    const onCut = (): void => fail(new BodyFailure('cut', 'The client broke off in the middle of the body'))
    const fail = (failure: Error): void => {
      stop()
      message.pause()
      if (orPutBack && !message.destroyed && chunks.length > 0) message.unshift(Buffer.concat(chunks))
      reject(failure)
    }
    const stop = (): void => {
      isOver = true
      clearTimeout(timer)
      forget?.()
      message.off('data', onData)
      message.off('end', onEnd)
      message.off('close', onCut)
    }
    // The aborting code may have seen a chunk that is still to be delivered here.
    const onGivenUp = (): void =>
      queueMicrotask(() => {
        if (!isOver) fail(orPutBack?.reason as Error)
      })
    const forget = orPutBack && onAbort(orPutBack, onGivenUp)
    message.on('data', onData)
    message.on('end', onEnd)
    message.on('close', onCut)
    // It closes after that too.
    message.on('error', () => undefined)
    if (message.destroyed && !message.complete) onCut()
  })
}

/** True if an answer could not be read since it is too large. */
export function isTooLarge(error: unknown): boolean {
  const { cause } = error instanceof RelayFailure ? error : {}
  return cause instanceof BodyFailure && cause.why === 'too-large'
}

/** The whole body of the answer to a read. @throws RelayFailure, or the signal's reason */
export async function readAnswer(
  answer: IncomingMessage,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<string> {
  const giveUp = (): void => void answer.destroy()
  const forget = onAbort(signal, giveUp)
  try {
    signal.throwIfAborted()
    return (await readBody(answer, limits)).toString('utf8')
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof BodyFailure)) throw cause
    const status = cause.why === 'too-slow' ? 504 : 502
    throw new RelayFailure(status, `The API server’s answer cannot be read: ${cause.message}`, {
      asked: false,
      cause,
    })
  } finally {
    forget()
    // An unread rest would keep its connection.
    if (!answer.complete) answer.destroy()
  }
}

/**
 * The maximum of values in one body. The largest image that etcd stores, in 1.5 MiB with 2,700 copies, has
 * 300,000 in its review, before and after. A text of 8 MiB can have five million, and no other request is
 * answered while they are read.
 */
export const mostValues = 350_000

/**
 * The same for a call of Longhorn's REST API, which has no authentication. Its UI sends a whole node back:
 * ten disks with 2,000 replicas have 5,000.
 */
export const mostValuesOfCall = 20_000

/** The largest body of such a call, in bytes: that many values have a few hundred kilobytes. */
export const mostBytesOfCall = 1024 * 1024

/** The same for one object in a write, or its result: a review has it before and after. */
export const mostValuesOfObject = mostValues / 2

/**
 * The same for a patch of an object. One that removes all 2,700 copies has 17,000, and kubectl apply repeats
 * the object in an annotation, which has 256 KiB at most.
 */
export const mostValuesOfPatch = 50_000
