import t from 'tap'
import { checkCertificate } from '../../src/doctor/certificate.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { noon } from '../fixtures/cluster.ts'
import { authority, clock, facts, forbidden, levels, registered, said, serving } from './facts.ts'

const day = 86_400_000

t.test('a certificate is judged by its end', (t) => {
  const at = (now: number) => checkCertificate(facts({ now }))
  t.strictSame(levels(at(noon)), ['ok'])
  t.match(said(at(noon)), 'is good until 2027-01-01')
  t.strictSame(levels(at(noon + 340 * day)), ['ok'])
  t.strictSame(levels(at(noon + 355 * day)), ['warn'])
  t.match(said(at(noon + 366 * day)), /expired on 2027-01-01[^]*patch secret holdfast-tls/)
  t.end()
})

t.test('a certificate that nobody trusts, or that is for another name, is an error', async (t) => {
  const stranger = await makeAuthority(clock)
  const check = (cert: string | undefined, but: Parameters<typeof facts>[0] = {}) =>
    checkCertificate(facts({ certificate: { seen: cert }, ...but }))
  const strange = await issueServing(stranger, { dns: ['holdfast.holdfast.svc'], ips: [] }, clock)
  t.match(said(check(strange.cert)), 'not signed by an authority in the caBundle')
  t.strictSame(levels(check(strange.cert + authority.cert)), ['ok'], 'its chain leads to it')
  const other = await issueServing(authority, { dns: ['other.holdfast.svc'], ips: [] }, clock)
  t.match(said(check(other.cert)), 'not for holdfast.holdfast.svc')
  t.strictSame(levels(check('nonsense')), ['error'])
  t.strictSame(levels(check(undefined)), ['unknown'])
  t.strictSame(levels(check(strange.cert, { registration: forbidden })), ['ok'], 'as far as can be seen')
  const untrusting = registered({ clientConfig: { url: 'https://127.0.0.1/validate' } })
  t.strictSame(levels(check(serving.cert, { registration: { seen: untrusting } })), ['ok'])
})
