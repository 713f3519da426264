import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { type Answers, readAnswers } from './http-answers.ts'

/** The handler of a server, for a request whose headers have been read. */
type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** The request, without what HTTP adds to it. */
interface Posted {
  readonly url: string
  readonly body: Buffer
}

/**
 * A client whose requests go straight to the handler of a server. They go past network, TLS and the parser of HTTP, which
 * cost more than the handler itself. The answer is written by Node's own response, and read as bytes.
 */
export class StraightLine {
  readonly #handler: Handler
  readonly #longestMs: number
  #wire = new Wire()

  /** @param longestMs a server that has not answered by then does not answer; no machine stands still for so long */
  constructor(handler: Handler, longestMs = 60_000) {
    this.#handler = handler
    this.#longestMs = longestMs
  }

  /**
   * Posts JSON. There are no statuses if the server closes the connection instead, or does not answer in time. Half an answer is
   * `broken`.
   */
  async post({ url, body }: Posted): Promise<Answers> {
    if (this.#wire.destroyed) this.#wire = new Wire()
    const wire = this.#wire
    const request = new IncomingMessage(wire)
    Object.assign(request, {
      method: 'POST',
      url,
      httpVersion: '1.1',
      httpVersionMajor: 1,
      httpVersionMinor: 1,
    })
    request.headers = {
      host: '127.0.0.1',
      'content-type': 'application/json',
      'content-length': String(body.length),
    }
    const response = new ServerResponse(request)
    response.assignSocket(wire)
    const limit = setTimeout(() => wire.destroy(), this.#longestMs)
    await new Promise<void>((resolve) => {
      wire.onGone = resolve
      // What Node's server does once an answer is written.
      response.on('finish', () => {
        response.detachSocket(wire)
        response.emit('close')
        resolve()
      })
      this.#handler(request, response)
      // In a turn of its own, as it comes from a network. Before that Node reports promises that nobody caught.
      setImmediate(() => {
        if (body.length > 0) request.push(body)
        request.push(null)
        request.complete = true
      })
    })
    clearTimeout(limit)
    return readAnswers(wire.collected(), wire.destroyed, false)
  }

  close(): void {
    this.#wire.destroy()
  }
}

/** A connection to nowhere, which keeps what is written. */
class Wire extends Socket {
  /** Called when it is closed. */
  onGone: () => void = () => undefined
  #written: Buffer[] = []

  /** The bytes since it was called last. */
  collected(): Buffer {
    const [only = Buffer.alloc(0), ...others] = this.#written
    this.#written = []
    return others.length === 0 ? only : Buffer.concat([only, ...others])
  }

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    this.#written.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
    done()
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer | string; readonly encoding: BufferEncoding }[],
    done: () => void,
  ): void {
    for (const { chunk, encoding } of chunks) this._write(chunk, encoding, () => undefined)
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    super._destroy(error, done)
    this.onGone()
  }
}
