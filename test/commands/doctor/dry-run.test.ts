import t from 'tap'
import type { ReplicaPolicy, DryRunResult } from '../../../src/commands/doctor/facts.ts'
import { checkPolicies, whyNotHeld } from '../../../src/commands/doctor/policies.ts'
import { checkDryRun, forbiddenRemoval } from '../../../src/commands/doctor/dry-run.ts'
import { defaultPolicy, type Mode } from '../../../src/rules/policy.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { disk, ready } from '../../fixtures/raw-objects.ts'
import { facts, forbidden, levels, names, replicaPolicy, said } from './facts.ts'

const removal = { image: 'ubuntu', disks: ['d1'] }

t.test('a dry run that the guard denies proves the whole way, and nothing else does', (t) => {
  const cases: readonly (readonly [DryRunResult, string, RegExp])[] = [
    [
      { result: 'denied', rules: ['last-usable-copy'] },
      'ok',
      /of backing image ubuntu is denied by the guard/,
    ],
    [{ result: 'admitted' }, 'error', /ubuntu is admitted\. The guard must deny it/],
    [{ result: 'unanswered', why: 'no route to host' }, 'error', /is not judged: no route to host/],
    [{ result: 'not-made', why: 'ann may not patch' }, 'unknown', /not proved[^]*ann may not patch/],
  ]
  for (const [result, level, text] of cases) {
    const findings = checkDryRun({ dryRun: { seen: { removal, result } }, names })
    t.strictSame(levels(findings), [level], result.result)
    t.match(said(findings), text, result.result)
  }
  t.strictSame(levels(checkDryRun({ dryRun: forbidden, names })), ['unknown'])
  const none = checkDryRun({ dryRun: { seen: undefined }, names })
  t.strictSame(levels(none), ['unknown'])
  t.match(said(none), 'no backing image has a copy that is ready')
  t.end()
})

t.test('the dry run is the loss of an image with a ready copy', (t) => {
  const node = cluster('v1.10.0').node('n1', [disk('d1'), disk('d2')])
  t.equal(forbiddenRemoval(node.map), undefined)
  t.strictSame(forbiddenRemoval(node.image('ubuntu', [ready('d1'), ready('d2')]).map), {
    image: 'ubuntu',
    disks: ['uuid-d1', 'uuid-d2'],
  })
  t.end()
})

const modes = (mode: Mode): ReplicaPolicy['modes'] =>
  Object.fromEntries(Object.keys(defaultPolicy.modes).map((rule) => [rule, mode]))

t.test('a replica that does not enforce all rules is named', (t) => {
  const one = replicaPolicy('one')
  const lax = { ...defaultPolicy.modes, 'copy-in-use': 'warn' as const }
  const cases: readonly (readonly [readonly ReplicaPolicy[], string[], RegExp])[] = [
    [[one, replicaPolicy('two')], ['ok'], /\(2\) enforce all rules/],
    [[replicaPolicy('one', { modes: modes('warn') })], ['warn'], /one of the guard only warns/],
    [[replicaPolicy('one', { modes: lax })], ['warn'], /does not enforce copy-in-use \(warn\)/],
    [[replicaPolicy('one', { evictionCompletion: 'allow' })], ['warn'], /evictionCompletion: allow/],
    [
      [replicaPolicy('one', { release: 'v1.8.0' })],
      ['warn'],
      /judges for Longhorn v1\.8\.0 .* v1\.10\.0 runs/,
    ],
    [[replicaPolicy('one', { release: 'v1.10.1' })], ['ok'], /\(1\) enforce all rules/],
    [[one, replicaPolicy('two', { modes: lax })], ['warn', 'warn'], /have different rules/],
  ]
  for (const [seen, expected, text] of cases) {
    const findings = checkPolicies({ ...facts(), policies: { seen } })
    t.strictSame(levels(findings), expected, text.source)
    t.match(said(findings), text)
  }
  const odd = facts({ map: { seen: cluster('master-head').map } })
  const named = { seen: [replicaPolicy('one', { release: 'v1.10.0' })] }
  t.strictSame(levels(checkPolicies({ ...odd, policies: named })), ['ok'], 'as doctor itself advises')
  t.strictSame(levels(checkPolicies(facts({ policies: forbidden }))), ['unknown'])
  t.end()
})

t.test('a replica holds the end of an eviction only if it enforces that rule', (t) => {
  t.equal(whyNotHeld(replicaPolicy('one')), undefined)
  t.match(whyNotHeld(replicaPolicy('one', { modes: modes('warn') })), /cleanup-during-eviction set to warn/)
  t.match(whyNotHeld(replicaPolicy('one', { modes: {} })), /set to off/)
  t.match(whyNotHeld(replicaPolicy('one', { evictionCompletion: 'allow' })), /evictionCompletion: allow/)
  t.match(whyNotHeld(replicaPolicy('one', { release: 'v1.8.2' })), /longhornRelease: v1\.8\.2/)
  t.equal(whyNotHeld(replicaPolicy('one', { release: 'v1.8.0' })), undefined)
  t.end()
})
