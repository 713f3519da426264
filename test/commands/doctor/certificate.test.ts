import t from 'tap'
import { checkServingCertificate, checkTrust } from '../../../src/commands/doctor/certificate.ts'
import { makeAuthority, x509Library } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'
import { noon } from '../../fixtures/cluster.ts'
import { issueOdd, makeIntermediate, makeRoot } from '../../fixtures/odd-certificates.ts'
import { authority, clock, facts, forbidden, levels, made, registered, said, serving } from './facts.ts'

const day = 86_400_000
const calling = { service: { name: 'holdfast', namespace: 'holdfast' } }

t.test('a certificate is judged by its end', (t) => {
  const at = (now: number) => checkServingCertificate(facts({ now }))
  t.strictSame(levels(at(noon)), ['ok'])
  t.match(said(at(noon)), 'is valid until 2027-01-01')
  t.strictSame(levels(at(noon + 340 * day)), ['ok'])
  t.strictSame(levels(at(noon + 355 * day)), ['warn'])
  t.match(said(at(noon + 366 * day)), /expired on 2027-01-01[^]*patch secret holdfast-tls/)
  t.end()
})

t.test('an untrusted certificate, or one for another name, is an error', async (t) => {
  const stranger = await makeAuthority(clock)
  const check = (cert: string | undefined, but: Parameters<typeof facts>[0] = {}) =>
    checkServingCertificate(facts({ certificate: { seen: cert === undefined ? cert : made(cert) }, ...but }))
  const strange = await issueServing(stranger, { dns: ['holdfast.holdfast.svc'], ips: [] }, clock)
  t.match(said(check(strange.cert)), 'not signed by an authority in the caBundle')
  t.match(
    said(check(strange.cert + authority.cert)),
    'not signed by',
    'an authority beside it changes nothing',
  )
  const other = await issueServing(authority, { dns: ['other.holdfast.svc'], ips: [] }, clock)
  t.match(said(check(other.cert)), 'not for holdfast.holdfast.svc')
  t.strictSame(levels(check('nonsense')), ['error'])
  t.strictSame(levels(check(undefined)), ['unknown'])
  t.strictSame(levels(check(strange.cert, { registration: forbidden })), ['ok'], 'as far as can be seen')
  const untrusting = registered({ clientConfig: { url: 'https://127.0.0.1/validate' } })
  t.strictSame(levels(check(serving.cert, { registration: { seen: untrusting } })), ['ok'])
})

t.test('a chain leads to the authority, in any order', async (t) => {
  const root = await makeRoot()
  const middle = await makeIntermediate(root)
  const names = { dns: ['holdfast.holdfast.svc'], ips: [] }
  const leaf = await issueServing(middle, names, { now: Date.now })
  const caBundle = Buffer.from(root.cert).toString('base64')
  const check = (pem: string, now = Date.now()) =>
    checkServingCertificate(
      facts({
        certificate: { seen: made(pem) },
        registration: { seen: registered({ clientConfig: { ...calling, caBundle } }) },
        now,
      }),
    )
  t.strictSame(levels(check(leaf.cert + middle.cert)), ['ok'])
  t.strictSame(levels(check(leaf.cert + root.cert + middle.cert)), ['ok'])
  t.match(said(check(leaf.cert)), 'not signed by an authority', 'what is between them is missing')
  t.match(said(check(leaf.cert + root.cert)), 'not signed by an authority')
})

t.test('a certificate has to have the name that the API server calls, as Go reads it', async (t) => {
  const x509 = await x509Library()
  const check = async (
    { cn = 'x', sans = [], usages }: { cn?: string; sans?: string[]; usages?: string[] },
    clientConfig: object = calling,
  ) => {
    const { cert } = await issueOdd(authority, {
      subject: `CN=${cn}`,
      extensions: [
        ...(sans.length > 0
          ? [new x509.SubjectAlternativeNameExtension(sans.map((value) => ({ type: 'dns' as const, value })))]
          : []),
        ...(usages ? [new x509.ExtendedKeyUsageExtension(usages)] : []),
      ],
    })
    const caBundle = Buffer.from(authority.cert).toString('base64')
    const registration = { seen: registered({ clientConfig: { ...clientConfig, caBundle } }) }
    return said(checkServingCertificate(facts({ certificate: { seen: made(cert) }, registration })))
  }
  const host = 'holdfast.holdfast.svc'
  t.match(await check({ sans: [host] }), 'is valid until')
  t.match(await check({ sans: ['*.holdfast.svc'] }), 'is valid until')
  t.match(await check({ cn: host }), `is not for ${host}`, 'a name in the subject is none')
  t.match(await check({ sans: ['hold*.holdfast.svc'] }), `is not for ${host}`)
  t.match(await check({ sans: [host], usages: ['1.3.6.1.5.5.7.3.2'] }), 'other purposes than a server')
  t.match(await check({ sans: [host], usages: ['2.5.29.37.0'] }), 'is valid until')
  const elsewhere = { url: 'https://guard.example:8443/validate' }
  t.match(await check({ sans: [host] }, elsewhere), 'is not for guard.example')
  t.match(await check({ sans: ['guard.example'] }, elsewhere), 'is valid until')
  t.match(await check({ sans: [host] }, { url: 'https://[::1]:8443/validate' }), 'is not for ::1')
})

t.test('a short life is judged by its share, not by days', async (t) => {
  for (const [days, end] of [
    [7, 28],
    [1, 4],
  ] as const) {
    const lifetimeMs = days * day
    const { cert } = await issueServing(authority, { dns: ['holdfast.holdfast.svc'], ips: [] }, clock, {
      lifetimeMs,
    })
    const left = (hours: number) =>
      checkServingCertificate(
        facts({ certificate: { seen: made(cert) }, now: noon + lifetimeMs - hours * 3_600_000 }),
      )
    t.strictSame(levels(left(days * 24)), ['ok'], 'made just now')
    t.strictSame(levels(left(end + 1)), ['ok'])
    t.strictSame(levels(left(end - 1)), ['warn'])
    t.match(said(left(end - 1)), /valid only until 2026-\d\d-\d\dT12:00Z/)
    t.strictSame(levels(left(-1)), ['error'])
  }
})

t.test('a certificate that is not valid yet is an error, by the API server’s clock', async (t) => {
  const ahead = { now: () => noon + 26 * 3_600_000 }
  const { cert } = await issueServing(authority, { dns: ['holdfast.holdfast.svc'], ips: [] }, ahead)
  const check = (aheadMs: number) =>
    checkServingCertificate(
      facts({ certificate: { seen: made(cert) }, clock: { seen: { aheadMs, uncertainMs: 510 } } }),
    )
  t.strictSame(levels(check(0)), ['error'])
  t.match(said(check(0)), /is not valid before 2026-01-02: the clock of its maker was ahead/)
  t.strictSame(levels(check(-27 * 3_600_000)), ['ok'], 'it is this machine that is behind')
})

t.test('the remedy depends on the issuer of the certificate', (t) => {
  const late = noon + 360 * day
  const of = (madeBy: Parameters<typeof made>[1]) =>
    said(checkServingCertificate(facts({ certificate: { seen: made(serving.cert, madeBy) }, now: late })))
  t.match(of({ who: 'the guard' }), /patch secret holdfast-tls/)
  t.match(of({ who: 'cert-manager', certificate: 'guard' }), /cmctl renew -n holdfast guard$/)
  t.match(of({ who: 'somebody else' }), /Put the new one into tls\.crt and tls\.key there/)
  t.notMatch(of({ who: 'somebody else' }), /"op":"remove"/, 'no issuer would make it again')
  t.end()
})

t.test('an authority that is not valid yet is an error, unless another one is', async (t) => {
  const ahead = await makeAuthority({ now: () => noon + 26 * 3_600_000 })
  const bundle = (...certs: string[]) => Buffer.from(certs.join('')).toString('base64')
  const check = (...certs: string[]) =>
    checkTrust(
      facts({ registration: { seen: registered({ clientConfig: { caBundle: bundle(...certs) } }) } }),
    )
  t.strictSame(levels(check(ahead.cert)), ['error'])
  t.match(said(check(ahead.cert)), /No authority is valid yet \(before 2026-01-02\) in the caBundle/)
  t.strictSame(levels(check(authority.cert, ahead.cert)), ['ok'])
  const week = await makeAuthority(clock, { lifetimeMs: 7 * day })
  t.strictSame(levels(check(week.cert)), ['ok'], 'a short life is judged by its share')
})
