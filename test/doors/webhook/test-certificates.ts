import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'

const clock = { now: Date.now }

/** An authority and a serving certificate of it for loopback. */
export async function testCertificates() {
  const authority = await makeAuthority(clock)
  const serving = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, clock)
  return { ca: authority.cert, serving }
}
