import t from 'tap'
import { endToEnd } from '../../../src/doors/proxy/headers.ts'

for (const [name, value] of [
  ['Connection', 'close'],
  ['connection', 'Keep-Alive'],
  ['Keep-Alive', 'timeout=5'],
  ['Proxy-Connection', 'keep-alive'],
  ['TE', 'trailers'],
  ['Transfer-Encoding', 'chunked'],
  ['Upgrade', 'h2c'],
  ['Expect', '100-continue'],
] as const) {
  t.test(`${name} ends with its connection`, (t) => {
    t.strictSame(endToEnd(['Accept', '*/*', name, value, 'X-A', 'b']), ['Accept', '*/*', 'X-A', 'b'])
    t.end()
  })
}

for (const [what, connection] of [
  ['one Connection header', ['Connection', 'close, X-Here']],
  ['the second of two', ['Connection', 'close', 'connection', 'x-here']],
  ['the first of two', ['Connection', 'X-HERE', 'Connection', 'keep-alive']],
] as const) {
  t.test(`a header that ${what} names ends with its connection too`, (t) => {
    t.strictSame(endToEnd(['X-Here', '1', ...connection, 'X-There', '2']), ['X-There', '2'])
    t.end()
  })
}

t.test('Connection cannot remove the recipient of a message, nor its end', (t) => {
  const kept = ['Host', 'a', 'Content-Length', '3']
  t.strictSame(endToEnd([...kept, 'Connection', 'host, content-length']), kept)
  t.end()
})
