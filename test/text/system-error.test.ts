import t from 'tap'
import { inWords, mayNeedTls } from '../../src/text/system-error.ts'

/** An error as Node makes it. */
function error(code: string, message = 'in the words of Node', cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), code === '' ? {} : { code })
}

t.test('the text of a system error is in plain words, with the code for a search', (t) => {
  const said = [
    ['ENOENT', 'it does not exist'],
    ['EACCES', 'you have no right to use it'],
    ['EISDIR', 'it is a folder, and a file is needed'],
    ['ECONNREFUSED', 'the connection was refused, so no program listens there'],
    ['ENOTFOUND', 'DNS does not know its name'],
    ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ] as const
  for (const [code, words] of said) t.equal(inWords(error(code)), `${words} (${code})`)
  t.equal(
    inWords(error('ECONNREFUSED', '')),
    'the connection was refused, so no program listens there (ECONNREFUSED)',
  )
  t.end()
})

t.test('an error of TLS names the protocol of each side', (t) => {
  const openssl = (text: string) => `write EPROTO 80CE:error:0A00010B:SSL routines:${text}:../deps/x.c:350:\n`
  const cases = [
    [error('EPROTO', openssl('ssl3_get_record:wrong version number')), /^it does not speak TLS\./],
    [error('ERR_SSL_PACKET_LENGTH_TOO_LONG'), /^it does not speak TLS\./],
    [error('HPE_INVALID_CONSTANT'), /^it does not speak http\./],
    [error('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), /client certificate/],
    [error('EPROTO', openssl('ssl3_read_bytes:tlsv1 alert unknown ca')), /client certificate/],
    [error('EPROTO', openssl('ssl3_read_bytes:tlsv1 alert protocol version')), /no version or kind of TLS/],
    [error('ERR_SSL_UNSUPPORTED_PROTOCOL'), /no version or kind of TLS/],
  ] as const
  for (const [each, words] of cases) {
    t.match(inWords(each), words)
    t.notMatch(inWords(each), /SSL routines|deps|\n/)
  }
  t.same(
    [error('ECONNRESET'), error('HPE_INVALID_CONSTANT'), error('ECONNREFUSED'), error(''), 'text'].map(
      mayNeedTls,
    ),
    [true, true, false, false, false],
  )
  t.end()
})

t.test('an error without a code keeps its own message', (t) => {
  t.equal(inWords(error('', 'it said nothing for 5 s')), 'it said nothing for 5 s')
  t.equal(inWords(error('', 'fetch failed', error('ECONNRESET'))), inWords(error('ECONNRESET')))
  t.equal(inWords(error('', 'fetch failed')), 'fetch failed')
  t.equal(inWords(error('', 'terminated', error('UND_ERR_SOCKET'))), inWords(error('UND_ERR_SOCKET')))
  t.equal(inWords(error('ESTRANGE', 'strange')), 'strange')
  t.equal(inWords(error('ESTRANGE', '')), 'ESTRANGE')
  t.equal(inWords(error('', '')), 'Error')
  t.equal(inWords('text'), 'text')
  t.end()
})
