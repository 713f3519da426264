/** The answers on a connection. */
export type Answers =
  /** All answers that came are whole; interim ones are not counted. */
  | {
      readonly state: 'whole'
      readonly statuses: readonly number[]
      readonly lastBody: Buffer
      readonly closes: boolean
    }
  /** Nothing yet, or the last one goes on. */
  | { readonly state: 'part' }
  /** The bytes are not HTTP. */
  | { readonly state: 'broken'; readonly why: string }

/**
 * Reads answers as a strict client does.
 *
 * @param ended true once the connection is closed: then a body may end with it
 * @param mayBeHead true where HEAD may have been asked: then no body follows
 */
export function readAnswers(bytes: Buffer, ended: boolean, mayBeHead: boolean): Answers {
  const statuses: number[] = []
  let lastBody: Buffer = Buffer.alloc(0)
  let closes = ended
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) return ended ? broken('the headers are cut off') : { state: 'part' }
    const [statusLine = '', ...lines] = bytes.subarray(at, end).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.1 ([1-9]\d\d) [\t\x20-\x7e\x80-\xff]*$/.exec(statusLine)?.[1])
    if (!Number.isInteger(status)) return broken(`this is no status line: ${statusLine}`)
    const wrong = lines.find((line) => !/^[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*$/.test(line))
    if (wrong !== undefined) return broken(`this is no header: ${wrong}`)
    at = end + 4
    // After that the connection speaks another protocol.
    if (status === 101) return { state: 'whole', statuses: [...statuses, status], lastBody, closes: true }
    if (status < 200) continue
    const isEmpty = status === 204 || status === 304 || (mayBeHead && isNextAt(bytes, at))
    const body = isEmpty ? empty(at) : bodyAt(bytes, at, lines, ended)
    if (typeof body === 'string') return body === 'part' ? { state: 'part' } : broken(body)
    statuses.push(status)
    closes ||= lines.some((line) => /^connection: *close$/i.test(line))
    lastBody = body.body
    at = body.end
  }
  // A client that hung up after `100 Continue` gets no more.
  return statuses.length > 0 || ended ? { state: 'whole', statuses, lastBody, closes } : { state: 'part' }
}

function broken(why: string): Answers {
  return { state: 'broken', why }
}

interface Body {
  readonly body: Buffer
  /** The start of the next answer. */
  readonly end: number
}

/** True if there is nothing, or another answer. */
function isNextAt(bytes: Buffer, at: number): boolean {
  return at === bytes.length || bytes.subarray(at, at + 9).toString('latin1') === 'HTTP/1.1 '
}

function empty(at: number): Body {
  return { body: Buffer.alloc(0), end: at }
}

/** @returns `part` if it goes on, or the problem */
function bodyAt(bytes: Buffer, at: number, lines: readonly string[], ended: boolean): Body | string {
  const valuesOf = (name: string): string[] =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trim())
  const lengths = valuesOf('content-length')
  const codings = valuesOf('transfer-encoding')
  if (lengths.length > 1) return 'there are several lengths'
  if (lengths.length > 0 && codings.length > 0) return 'there is a length, and chunks'
  if (codings.length > 0)
    return codings.join() === 'chunked' ? chunksAt(bytes, at, ended) : 'the coding is not known'
  const [length] = lengths
  if (length === undefined) return ended ? { body: bytes.subarray(at), end: bytes.length } : 'part'
  if (!/^\d+$/.test(length)) return 'the length is no number'
  const end = at + Number(length)
  if (end > bytes.length) return ended ? 'the body is cut off' : 'part'
  return { body: bytes.subarray(at, end), end }
}

function chunksAt(bytes: Buffer, from: number, ended: boolean): Body | string {
  const chunks: Buffer[] = []
  for (let at = from; ;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return ended ? 'the chunks are cut off' : 'part'
    const text = bytes.subarray(at, end).toString('latin1')
    if (!/^[\da-f]+$/i.test(text)) return 'the size of a chunk is no number'
    const size = Number.parseInt(text, 16)
    const next = end + 2 + size + 2
    if (size === 0) {
      // Trailers may follow.
      const last = bytes.indexOf('\r\n\r\n', end)
      if (last < 0) return ended ? 'the chunks are cut off' : 'part'
      return { body: Buffer.concat(chunks), end: last + 4 }
    }
    if (next > bytes.length) return ended ? 'the chunks are cut off' : 'part'
    chunks.push(bytes.subarray(end + 2, end + 2 + size))
    at = next
  }
}
