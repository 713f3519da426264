import t from 'tap'
import { checkRights, rightsOf } from '../../../src/commands/doctor/rights.ts'
import { forbidden, levels, names, said } from './facts.ts'

function without(verb: string, resource: string) {
  const rights = rightsOf(names).map((right) => ({
    right,
    allowed: { seen: !(right.verb === verb && right.resource === resource) },
  }))
  return checkRights({ rights, names })
}

t.test('each missing right is reported, with its effect on the guard', (t) => {
  t.strictSame(levels(without('fly', 'nodes')), ['ok'])
  const cases: readonly (readonly [string, string, string, RegExp])[] = [
    ['watch', 'nodes', 'error', /allowed to watch nodes\.longhorn\.io in longhorn-system \(for disk map\)/],
    ['get', 'backingimages', 'error', /denies dangerous writes/],
    ['update', 'leases', 'error', /update leases\.coordination\.k8s\.io in holdfast/],
    ['create', 'events', 'warn', /create events in longhorn-system/],
    ['patch', 'secrets', 'warn', /patch secrets holdfast-tls in holdfast/],
    [
      'patch',
      'validatingwebhookconfigurations',
      'warn',
      /kubectl auth can-i patch validatingwebhookconfigurations\.admissionregistration\.k8s\.io\/holdfast --as system:serviceaccount:holdfast:holdfast/,
    ],
  ]
  for (const [verb, resource, level, text] of cases) {
    const findings = without(verb, resource)
    t.strictSame(levels(findings), [level], `${verb} ${resource}`)
    t.match(said(findings), text)
  }
  t.end()
})

t.test('a guard that only reads its certificate is not asked for the rights to make one', (t) => {
  const reading = { ...names, makesCertificate: false }
  const about = rightsOf(reading).map(({ resource }) => resource)
  t.notOk(about.includes('secrets'))
  t.notOk(about.includes('validatingwebhookconfigurations'))
  const rights = rightsOf(reading).map((right) => ({ right, allowed: { seen: true } }))
  t.strictSame(levels(checkRights({ rights, names: reading })), ['ok'])
  t.end()
})

t.test('missing rights of the same purpose are reported together', (t) => {
  const rights = rightsOf(names).map((right) => ({ right, allowed: { seen: false } }))
  const findings = checkRights({ rights, names })
  t.strictSame(levels(findings), ['error', 'error', 'warn', 'warn', 'warn'])
  t.match(said(findings), /get leases\.coordination\.k8s\.io in holdfast, list leases/)
  t.end()
})

t.test('a question that may not be asked hides no right that is missing', (t) => {
  const rights = rightsOf(names).map((right, index) => ({
    right,
    allowed: index < 2 ? forbidden : { seen: right.verb !== 'delete' },
  }))
  const findings = checkRights({ rights, names })
  t.strictSame(levels(findings), ['error', 'unknown'])
  t.match(said(findings), 'and 1 more could not be asked')
  t.strictSame(levels(checkRights({ rights: rights.slice(0, 1), names })), ['unknown'])
  t.end()
})
