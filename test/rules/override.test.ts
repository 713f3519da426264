import t from 'tap'
import type { NodeChange } from '../../src/rules/change.ts'
import { enforcesAnything, overrideOf, policyFor } from '../../src/rules/override.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { admin, parsed, request } from '../fixtures/cluster.ts'
import { disk, rawNode } from '../fixtures/raw-objects.ts'

const key = 'holdfast.dev/override'

/** An update of a node whose annotation was and is this. */
function change(was: string | undefined, is: string | undefined, groups: readonly string[] = []): NodeChange {
  const node = (reason: string | undefined) => {
    const annotations = reason === undefined ? {} : { [key]: reason }
    return parsed('Node', rawNode('n1', [disk('d1')], { metadata: { annotations } }))
  }
  const by = request({ actor: { ...admin, groups } })
  return { kind: 'Node', operation: 'UPDATE', before: node(was), after: node(is), request: by }
}

t.test('an override is asked for by an annotation that is new or changed, and so works once', (t) => {
  const outcome = (was: string | undefined, is: string | undefined) =>
    overrideOf(change(was, is), defaultPolicy).outcome
  t.equal(outcome(undefined, 'disk on fire'), 'granted')
  t.equal(outcome('disk on fire', 'disk still on fire'), 'granted')
  t.equal(outcome('disk on fire', 'disk on fire'), 'none', 'left over from before')
  t.equal(outcome('disk on fire', undefined), 'none')
  t.equal(outcome(undefined, undefined), 'none')
  t.equal(outcome(undefined, '  '), 'no-reason')
  t.end()
})

t.test('nobody deletes by override: a delete carries no annotation of its own', (t) => {
  const { before } = change('disk on fire', undefined)
  if (!before) throw new Error('an update has both')
  const deletion: NodeChange = { kind: 'Node', operation: 'DELETE', before, request: request() }
  t.equal(overrideOf(deletion, defaultPolicy).outcome, 'none')
  t.end()
})

t.test('where groups are named, only their members may', (t) => {
  const policy = { ...defaultPolicy, override: { groups: ['storage-admins'], except: new Set<never>() } }
  t.strictSame(overrideOf(change(undefined, 'x', ['developers']), policy), {
    outcome: 'not-permitted',
    groups: ['storage-admins'],
  })
  t.equal(overrideOf(change(undefined, 'x', ['developers', 'storage-admins']), policy).outcome, 'granted')
  t.end()
})

t.test('what is granted softens every rule but those that know no exception', (t) => {
  const modes = { ...defaultPolicy.modes, 'no-eviction-target': 'off' } as const
  const override = { groups: undefined, except: new Set(['last-usable-copy'] as const) }
  const policy = { ...defaultPolicy, modes, override }
  const softened = policyFor(change(undefined, 'disk on fire'), policy)
  t.equal(softened.modes['eviction-during-cleanup'], 'warn')
  t.equal(softened.modes['last-usable-copy'], 'enforce')
  t.equal(softened.modes['no-eviction-target'], 'off', 'nothing gets stricter')
  t.equal(policyFor(change('x', 'x'), policy), policy)
  t.equal(enforcesAnything(softened), true)
  t.equal(enforcesAnything(policyFor(change(undefined, 'x'), defaultPolicy)), false)
  t.end()
})
