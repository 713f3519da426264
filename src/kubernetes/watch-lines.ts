import { MalformedAnswer } from './json-request.ts'

/** An object is at most 1.5 MB in etcd, 3 MB in the largest set-ups: a longer line is no watch event. */
const defaultMaxLineBytes = 16 * 1024 * 1024

/**
 * Cuts a watch's bytes into lines, one JSON event each. Yields once for each chunk that comes, with the lines it
 * completes, often none: so the reader knows of every byte. Characters may be split over chunks, so lines are
 * cut as bytes. A last line without its newline was cut off and is dropped; it comes again after a reconnect.
 *
 * @throws MalformedAnswer for a line that does not end
 */
export async function* watchLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes = defaultMaxLineBytes,
): AsyncGenerator<readonly string[], void> {
  let parts: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      parts.push(chunk.subarray(start, end))
      const line = Buffer.concat(parts).toString('utf8')
      if (line.trim() !== '') lines.push(line)
      parts = []
      bytes = 0
      start = end + 1
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > maxLineBytes) throw new MalformedAnswer(`A watch event is longer than ${maxLineBytes} bytes.`)
    yield lines
  }
}
