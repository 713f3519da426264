import t from 'tap'
import { checkCallers } from '../../../src/commands/doctor/callers.ts'
import type { ReplicaCallers } from '../../../src/commands/doctor/facts.ts'
import { facts, forbidden, levels, replicaPolicy, said } from './facts.ts'

const day = 86_400_000

function check(...callers: readonly (ReplicaCallers | null | undefined)[]) {
  const seen = callers.map((each, at) => replicaPolicy(`holdfast-${at + 1}`, { callers: each }))
  return checkCallers(facts({ policies: { seen } }))
}

const accepted = (leftMs: number, refused = 0): ReplicaCallers => ({
  refused,
  last: { name: 'kube-apiserver', leftMs },
})

t.test('a guard without client authentication is as it was installed', (t) => {
  t.match(check(null, null), [{ level: 'ok', what: /so every client that reaches its port/ }])
  t.match(check(undefined), [{ level: 'ok' }])
  t.end()
})

t.test('a client certificate that is valid for long is ok, with its end', (t) => {
  t.match(check(accepted(200 * day), accepted(40 * day, 9)), [{ level: 'ok', what: /valid until 20\d\d-/ }])
  t.match(check({ refused: 0, last: null }), [{ level: 'ok', what: /none has been shown yet/ }])
  t.end()
})

t.test('a client certificate that ends soon is reported once, with the remedy', (t) => {
  const findings = check(accepted(29 * day), accepted(29 * day))
  t.strictSame(levels(findings), ['warn'])
  t.match(said(findings), /kube-apiserver is valid only until[^]*certs --api-server --overwrite/)
  t.strictSame(levels(check(accepted(-day))), ['error'])
  t.end()
})

t.test('a replica that rejects every caller may lock out the API server', (t) => {
  const findings = check({ refused: 7, last: null })
  t.strictSame(levels(findings), ['warn'])
  t.match(said(findings), /holdfast-1 has rejected 7 requests/)
  t.end()
})

t.test('replicas that differ in client authentication are reported', (t) => {
  t.match(said(check(accepted(200 * day), null)), /Not every replica asks[^]*holdfast-2 does not/)
  t.end()
})

t.test('replicas that cannot be asked are not known to be well', (t) => {
  t.match(checkCallers(facts({ policies: forbidden })), [{ level: 'unknown', check: 'callers' }])
  t.end()
})
