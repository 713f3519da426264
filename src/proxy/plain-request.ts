import type http from 'node:http'
import { without } from './headers.ts'

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
