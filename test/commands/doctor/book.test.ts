import t from 'tap'
import { checkBook } from '../../../src/commands/doctor/clock.ts'
import { facts, forbidden, levels, said } from './facts.ts'

t.test('one namespace with all Leases is well', (t) => {
  t.strictSame(levels(checkBook(facts())), ['ok'])
  t.strictSame(levels(checkBook(facts({ books: { seen: [] } }))), ['ok'], 'nothing is reserved just now')
  t.end()
})

t.test('a guard that looks for its Leases elsewhere than the others is wrong', (t) => {
  const findings = checkBook(facts({ anchor: { seen: 'storage' } }))
  t.strictSame(levels(findings), ['error'])
  t.match(said(findings), 'in namespace storage, not in holdfast')
  t.match(said(findings), 'holdfast doctor --namespace storage')
  t.end()
})

t.test('Leases of a guard in other namespaces are reported, each with its clean-up', (t) => {
  const findings = checkBook(facts({ books: { seen: ['holdfast', 'team-a', 'team-b'] } }))
  t.strictSame(levels(findings), ['warn', 'warn'])
  t.match(
    said(findings),
    'kubectl delete leases --namespace team-b --selector holdfast.dev/reservations=true',
  )
  t.end()
})

t.test('a cluster in which no door has named its namespace is reported', (t) => {
  const findings = checkBook(facts({ anchor: { seen: undefined } }))
  t.strictSame(levels(findings), ['warn'])
  t.match(said(findings), 'There is no Lease holdfast-book in longhorn-system.')
  t.end()
})

t.test('an unreadable fact hides no other', (t) => {
  t.strictSame(levels(checkBook(facts({ anchor: forbidden, books: { seen: ['x'] } }))), ['unknown', 'warn'])
  t.strictSame(levels(checkBook(facts({ books: forbidden }))), ['unknown'])
  t.end()
})
