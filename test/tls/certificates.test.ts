import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { keyToPem, makeAuthority, x509Library } from '../../src/tls/authority.ts'
import { BadServerName, issueServing, UnusableAuthority } from '../../src/tls/issue.ts'
import { expiryOf, type PemPair } from '../../src/tls/stored.ts'

const day = 86_400_000
const names = { dns: ['localhost', 'holdfast.holdfast.svc'], ips: ['127.0.0.1', '::1'] }

/** Half a second past a full one, for X.509 counts whole seconds. */
const noon = { now: () => Date.UTC(2026, 10, 23, 12, 0, 0, 500) }

/** Connects over loopback, and fails if the client rejects the certificate. */
async function handshake(t: Test, serving: PemPair, ca: string, servername: string): Promise<TLSSocket> {
  const server = createServer({ cert: serving.cert, key: serving.key }, (socket) => socket.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const socket = connect({ host: '127.0.0.1', port, ca, servername })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

t.test('a client that knows the authority accepts the certificate under each name', async (t) => {
  const clock = { now: Date.now }
  const authority = await makeAuthority(clock)
  const serving = await issueServing(authority, names, clock)
  for (const name of names.dns) {
    const socket = await handshake(t, serving, authority.cert, name)
    t.equal(socket.authorized, true, name)
  }
  const leaf = new X509Certificate(serving.cert)
  t.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1')
  t.equal(leaf.checkIP('::1'), '::1')
})

t.test('a client that knows another authority, or calls another name, does not', async (t) => {
  const clock = { now: Date.now }
  const authority = await makeAuthority(clock)
  const serving = await issueServing(authority, names, clock)
  const other = await makeAuthority(clock)
  await t.rejects(handshake(t, serving, other.cert, 'localhost'), { code: /CERT|VERIFY|SIGNATURE/ })
  await t.rejects(handshake(t, serving, authority.cert, 'example.com'), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
})

t.test('certificates are ECDSA P-256 with all fields of a serving certificate', async (t) => {
  const authority = await makeAuthority(noon)
  const serving = await issueServing(authority, names, noon)
  const [ca, leaf] = [new X509Certificate(authority.cert), new X509Certificate(serving.cert)]
  for (const cert of [ca, leaf]) {
    t.match(cert.publicKey.asymmetricKeyDetails, { namedCurve: 'prime256v1' })
  }
  t.equal(ca.ca, true)
  t.equal(leaf.ca, false)
  t.equal(leaf.checkIssued(ca), true)
  t.equal(leaf.verify(ca.publicKey), true)
  t.equal(
    leaf.subjectAltName,
    'DNS:localhost, DNS:holdfast.holdfast.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  // Key purpose id-kp-serverAuth.
  t.same(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  t.equal(leaf.checkPrivateKey(createPrivateKey(serving.key)), true)
  t.not(ca.serialNumber, leaf.serialNumber)
})

t.test(
  'certificates are valid from 5 minutes ago, the authority for 10 years, the leaf for one',
  async (t) => {
    const authority = await makeAuthority(noon)
    const serving = await issueServing(authority, names, noon)
    const from = new Date(Date.UTC(2026, 10, 23, 11, 55))
    t.same(new Date(new X509Certificate(authority.cert).validFrom), from)
    t.same(new Date(new X509Certificate(serving.cert).validFrom), from)
    t.same(expiryOf(authority.cert), new Date(Date.UTC(2026, 10, 23, 12) + 3650 * day))
    t.same(expiryOf(serving.cert), new Date(Date.UTC(2026, 10, 23, 12) + 365 * day))
  },
)

t.test('a certificate does not outlive its authority', async (t) => {
  const authority = await makeAuthority(noon, { lifetimeMs: 30 * day })
  const serving = await issueServing(authority, names, noon)
  t.same(expiryOf(serving.cert), expiryOf(authority.cert))
  const later = { now: () => noon.now() + 31 * day }
  await t.rejects(issueServing(authority, names, later), {
    name: 'UnusableAuthority',
    message: /expired on 2026-12-23/,
  })
  const before = { now: () => noon.now() - day }
  await t.rejects(issueServing(authority, names, before), {
    name: 'UnusableAuthority',
    message: /not valid before 2026-11-23T11:55:00\.000Z/,
  })
})

t.test('an authority that cannot sign is refused with the reason', async (t) => {
  const authority = await makeAuthority(noon)
  const other = await makeAuthority(noon)
  const leaf = await issueServing(authority, names, noon)
  const because = async (pair: PemPair, why: RegExp) => {
    const error: unknown = await issueServing(pair, names, noon).catch((error: unknown) => error)
    t.ok(error instanceof UnusableAuthority)
    t.match(error, { message: why })
  }
  await because({ ...authority, key: other.key }, /does not belong/)
  await because(leaf, /CA:FALSE/)
  await because({ ...authority, cert: 'no certificate' }, /not PEM/)
})

t.test('an authority with another kind of key is refused', async (t) => {
  const x509 = await x509Library()
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
    'sign',
    'verify',
  ])
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    { name: 'CN=other', keys, extensions: [new x509.BasicConstraintsExtension(true, 0, true)] },
    webcrypto,
  )
  await t.rejects(
    issueServing({ cert: cert.toString('pem'), key: keyToPem(keys.privateKey) }, names, { now: Date.now }),
    {
      name: 'UnusableAuthority',
      message: /not an ECDSA P-256 one/,
    },
  )
})

t.test('names that no client could ask for are refused', async (t) => {
  const authority = await makeAuthority(noon)
  const wrong = [
    { dns: [], ips: [] },
    { dns: ['127.0.0.1'], ips: [] },
    { dns: ['under_score'], ips: [] },
    { dns: ['*'], ips: [] },
    { dns: [`${'a'.repeat(64)}.svc`], ips: [] },
    { dns: ['trailing.'], ips: [] },
    { dns: [], ips: ['localhost'] },
    { dns: [], ips: ['fe80::1%eth0'] },
  ]
  for (const names of wrong) {
    await t.rejects(issueServing(authority, names, noon), BadServerName, JSON.stringify(names))
  }
  await t.resolves(issueServing(authority, { dns: ['*.holdfast.svc'], ips: [] }, noon))
})

t.test('the expiry of a chain is that of its first certificate', async (t) => {
  const authority = await makeAuthority(noon)
  const serving = await issueServing(authority, names, noon)
  t.same(expiryOf(serving.cert + authority.cert), expiryOf(serving.cert))
  t.throws(() => expiryOf('nothing'), { message: /not a certificate in PEM/ })
})
