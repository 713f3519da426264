import { connect } from 'node:net'
import { hangMs } from '../../fixtures/limits.ts'

/** A request as bytes. */
export interface Raw {
  readonly method: string
  readonly target: string
  /** Besides `Host` and those of the body. */
  readonly headers: readonly string[]
  readonly body: { readonly framing: 'none' | 'length' | 'chunked'; readonly bytes: Buffer }
}

/**
 * Sends a request on a new connection without an HTTP client, and reads until the connection ends.
 *
 * @param host for `Host`, so that it is the same for every port
 */
export async function exchangeRaw(port: number, host: string, raw: Raw): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('close', () => resolve())
    socket.on('error', reject)
    socket.setTimeout(hangMs, () => socket.destroy(new Error('nothing comes any more')))
  })
  const { framing, bytes } = raw.body
  const framed =
    framing === 'none'
      ? []
      : framing === 'length'
        ? [`Content-Length: ${bytes.length}`]
        : ['Transfer-Encoding: chunked']
  const lines = [
    `${raw.method} ${raw.target} HTTP/1.1`,
    `Host: ${host}`,
    ...raw.headers,
    ...framed,
    'Connection: close',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (framing === 'length') socket.write(bytes)
  if (framing === 'chunked') {
    for (let at = 0; at < bytes.length; at += 5_000) {
      const chunk = bytes.subarray(at, at + 5_000)
      socket.write(`${chunk.length.toString(16)}\r\n`)
      socket.write(chunk)
      socket.write('\r\n')
    }
    socket.write('0\r\n\r\n')
  }
  await ended
  return Buffer.concat(chunks)
}

/** An answer in its parts, without those that belong to the connection alone. */
export function partsOf(answer: Buffer): { head: string[]; body: Buffer } {
  const at = answer.indexOf('\r\n\r\n')
  const lines = answer.subarray(0, at).toString('latin1').split('\r\n')
  const chunked = lines.some((line) => /^transfer-encoding: *chunked$/i.test(line))
  const head = lines.filter((line) => !/^(connection|keep-alive|transfer-encoding|upgrade):/i.test(line))
  const rest = answer.subarray(at + 4)
  return { head, body: chunked ? unchunked(rest) : rest }
}

/** The bytes of a chunked body, with its trailers at the end. */
function unchunked(raw: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const end = raw.indexOf('\r\n', at)
    if (end < 0) throw new Error('the body was cut')
    const size = Number.parseInt(raw.subarray(at, end).toString('latin1'), 16)
    if (size === 0) return Buffer.concat([...parts, raw.subarray(end + 2)])
    parts.push(raw.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
