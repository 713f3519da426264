import type http from 'node:http'

/** As Node gives them: name, value, name, value, in their original case and order. */
type RawHeaders = readonly string[]

/** Headers of one connection only (RFC 9110, 7.6.1); a proxy makes its own. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  // The server of the proxy itself answers it.
  'expect',
])

/** Headers that `Connection` cannot remove: the recipient of a message, and its end. */
const essential = new Set(['host', 'content-length'])

/** All headers except those of their connection, which may name more. */
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

/** The names in all `Connection` headers; undefined without any. */
function connectionOptions(raw: RawHeaders): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]?.toLowerCase() !== 'connection') continue
    const value = raw[at + 1] ?? ''
    // The usual case.
    if (/^(keep-alive|close)$/i.test(value)) continue
    named ??= new Set()
    for (const each of value.split(',')) named.add(each.trim().toLowerCase())
  }
  if (named) for (const name of essential) named.delete(name)
  return named
}

/** The headers of a change of protocol. */
const asking = new Set(['connection', 'upgrade', 'http2-settings'])

/**
 * True for a request that cannot become a tunnel: it has a body, or it offers HTTP/2 on a connection without
 * a prior agreement (RFC 9113, 3.1 has dropped that; Java's client offers it on each first request). A server
 * may ignore the offer (RFC 9110, 7.8).
 */
export function isPlain({ headers }: http.IncomingMessage): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
  return hasBody || /^h2c$/i.test(headers.upgrade ?? '')
}

/**
 * The bytes of a request without its change of protocol.
 *
 * @param head the bytes that came after its headers
 */
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
