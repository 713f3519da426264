import type http from 'node:http'

/** As Node gives them: name, value, name, value, in the case and order in which they came. */
type RawHeaders = readonly string[]

/** Of one connection only (RFC 9110, 7.6.1); whoever passes a message on makes its own. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  // Answered by the server of the proxy itself.
  'expect',
])

/** What `Connection` cannot take away: whom a message is for, and where it ends. */
const essential = new Set(['host', 'content-length'])

/** All headers but those of the connection that they came on, which may name more. */
export function endToEnd(raw: RawHeaders): string[] {
  const named = connectionOptions(raw)
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const key = name.toLowerCase()
    if (!hopByHop.has(key) && !named?.has(key)) kept.push(name, raw[at + 1] ?? '')
  }
  return kept
}

/** The headers without some, by their names in lower case. */
export function without(raw: RawHeaders, names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    if (!names.has(name.toLowerCase())) kept.push(name, raw[at + 1] ?? '')
  }
  return kept
}

/** What the `Connection` headers name, however many there are; undefined if it is nothing. */
function connectionOptions(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() !== 'connection') continue
    const value = raw[at + 1] ?? ''
    // Nearly always.
    if (/^(keep-alive|close)$/i.test(value)) continue
    named ??= new Set()
    for (const each of value.split(',')) named.add(each.trim().toLowerCase())
  }
  if (named) for (const name of essential) named.delete(name)
  return named
}

/** What asks for another protocol, and what such a request says about that alone. */
const asking = new Set(['connection', 'upgrade', 'http2-settings'])

/**
 * True for a request that wants more than a tunnel: it has a body, or what it offers is HTTP/2 on a connection that was
 * not agreed on so before (RFC 9113, 3.1 has given that up; Java's client offers it on each first request). A server may
 * take no notice of the offer (RFC 9110, 7.8).
 */
export function isPlain({ headers }: http.IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
  return hasBody || /^h2c$/i.test(headers.upgrade ?? '')
}

/** The bytes of a request as if it did not ask for another protocol. @param head what came after its headers already */
export function plainRequest(
  { method = 'GET', url = '/', httpVersion, rawHeaders, headers }: http.IncomingMessage,
  head: Buffer,
): Buffer {
  const options = (headers.connection ?? '')
    .split(',')
    .filter((each) => !asking.has(each.trim().toLowerCase()))
  const kept = [...without(rawHeaders, asking), 'Connection', options.join(',')]
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let at = 0; at < kept.length; at += 2) text += `${kept[at]}: ${kept[at + 1]}\r\n`
  return Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head])
}
