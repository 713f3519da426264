import t from 'tap'
import type { NodeChange } from '../../src/rules/change.ts'
import {
  defaultPolicy,
  deleteOverrideFor,
  enforcesAnything,
  mayOverride,
  overrideOf,
  type Policy,
  policyFor,
} from '../../src/rules/policy.ts'
import { admin, noon, parsed, request, withMode } from '../fixtures/cluster.ts'
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
  t.equal(outcome(undefined, `${' '.repeat(100_000)}disk on fire`), 'no-reason', 'its beginning counts alone')
  t.end()
})

const halfPast = 'before 2026-01-01T12:30:00Z'

/** The deletion of a node whose annotation is this, at noon. */
function deletion(
  is: string | undefined,
  metadata: object = {},
  { groups = [], ...asked }: { groups?: readonly string[]; askedAt?: number } = { askedAt: noon },
): NodeChange {
  const annotations = is === undefined ? {} : { [key]: is }
  const before = parsed(
    'Node',
    rawNode('n1', [disk('d1')], { metadata: { generation: 3, ...metadata, annotations } }),
  )
  const by = request({ actor: { ...admin, groups }, ...asked })
  return { kind: 'Node', operation: 'DELETE', before, request: by }
}

t.test(
  'before a delete the override is written on the object, and names its uid, generation and end',
  (t) => {
    const outcome = (is: string | undefined, metadata?: object) =>
      overrideOf(deletion(is, metadata), defaultPolicy)
    t.strictSame(outcome(`delete uid-n1/3 ${halfPast}: disk on fire`), {
      outcome: 'granted',
      reason: 'disk on fire',
    })
    t.strictSame(outcome(`delete uid-n1/3 ${halfPast}:\nno\u001b`), { outcome: 'granted', reason: 'no' })
    t.equal(
      outcome(`delete uid-n1/2 ${halfPast}: disk on fire`).outcome,
      'other-object',
      'its spec changed since',
    )
    t.equal(
      outcome(`delete uid-n2/3 ${halfPast}: disk on fire`).outcome,
      'other-object',
      'restored from a backup',
    )
    t.equal(outcome(`delete x/3 ${halfPast}: disk on fire`, { uid: '' }).outcome, 'other-object')
    t.equal(outcome(`delete uid-n1/3 ${halfPast}: `).outcome, 'no-reason')
    t.equal(outcome('disk on fire').outcome, 'none', 'the note of an override of another write')
    t.equal(outcome('delete uid-n1: disk on fire').outcome, 'none')
    t.equal(outcome(undefined).outcome, 'none')
    t.end()
  },
)

t.test('the override of a delete covers only its own user and only the delete', (t) => {
  const policy = { ...defaultPolicy, override: { groups: ['storage-admins'], except: new Set<never>() } }
  const asked = `delete uid-n1/3 ${halfPast}: disk on fire`
  t.equal(overrideOf(deletion(asked), policy).outcome, 'not-permitted')
  t.equal(
    overrideOf(deletion(asked, {}, { groups: ['storage-admins'], askedAt: noon }), policy).outcome,
    'granted',
  )
  t.equal(overrideOf(change(undefined, asked), defaultPolicy).outcome, 'none', 'the write that brings it')
  t.equal(policyFor(deletion(asked), defaultPolicy).modes['disk-removal-with-copies'], 'warn')
  t.end()
})

t.test('the override of a delete expires after an hour at most', (t) => {
  const outcome = (before: string, asked: { askedAt?: number } = { askedAt: noon }) =>
    overrideOf(deletion(`delete uid-n1/3${before}: disk on fire`, {}, asked), defaultPolicy).outcome
  const at = (minutes: number) => ` before ${new Date(noon + minutes * 60_000).toISOString()}`
  t.equal(outcome(at(1)), 'granted')
  t.equal(outcome(at(60)), 'granted')
  t.equal(outcome(at(0)), 'expired')
  t.equal(outcome(at(-60 * 24)), 'expired', 'one that was written yesterday and not used')
  t.equal(outcome(at(61)), 'expired', 'a note does not last for ever')
  t.equal(outcome(''), 'expired', 'nor without an end')
  t.equal(outcome(' before 2026-99-99T12:30:00Z'), 'expired', 'no time')
  t.equal(outcome(at(1), {}), 'expired', 'nobody knows what time it is')
  t.equal(outcome(' before noon'), 'none', 'something else')
  t.equal(policyFor(deletion('delete uid-n1/3: disk on fire'), defaultPolicy), defaultPolicy)
  t.end()
})

t.test('an annotation on an object that is created opens nothing: a backup brings old ones back', (t) => {
  const { after } = change(undefined, 'disk on fire')
  if (!after) throw new Error('an update has what is to be')
  const creation: NodeChange = { kind: 'Node', operation: 'CREATE', after, request: request() }
  t.strictSame(overrideOf(creation, defaultPolicy), { outcome: 'at-creation' })
  t.equal(policyFor(creation, defaultPolicy), defaultPolicy)
  const { after: plain } = change(undefined, undefined)
  if (!plain) throw new Error('an update has what is to be')
  t.equal(overrideOf({ ...creation, after: plain }, defaultPolicy).outcome, 'none')
  t.end()
})

t.test('all users may override an enforced rule unless groups are listed or the rule is excepted', (t) => {
  const rule = 'disk-removal-with-copies'
  const policy = (override: Partial<Policy['override']>): Policy => ({
    ...defaultPolicy,
    override: { ...defaultPolicy.override, ...override },
  })
  const ann = { ...admin, groups: ['storage-admins'] }
  t.equal(mayOverride(admin, rule, defaultPolicy), true)
  t.equal(mayOverride(admin, rule, policy({ except: new Set([rule]) })), false)
  t.equal(mayOverride(admin, rule, policy({ except: new Set(['last-usable-copy']) })), true)
  t.equal(mayOverride(admin, rule, policy({ groups: ['storage-admins'] })), false)
  t.equal(mayOverride(ann, rule, policy({ groups: ['storage-admins'] })), true)
  t.equal(mayOverride(admin, rule, { ...defaultPolicy, ...withMode(rule, 'warn') }), false, 'no need')
  t.end()
})

t.test('the command that writes it is understood again', (t) => {
  const { before } = deletion(undefined)
  if (!before) throw new Error('a deletion has what was before')
  const command = deleteOverrideFor(before, 'longhorn-system', noon)
  t.match(command, /^kubectl -n longhorn-system annotate --overwrite nodes\.longhorn\.io n1 /)
  const written = /'holdfast\.dev\/override=([^']*)'/.exec(command)?.[1]
  t.strictSame(overrideOf(deletion(written), defaultPolicy), { outcome: 'granted', reason: '<why>' })
  t.end()
})

t.test('only members of the listed groups may override', (t) => {
  const policy = { ...defaultPolicy, override: { groups: ['storage-admins'], except: new Set<never>() } }
  t.strictSame(overrideOf(change(undefined, 'x', ['developers']), policy), {
    outcome: 'not-permitted',
    groups: ['storage-admins'],
  })
  t.equal(overrideOf(change(undefined, 'x', ['developers', 'storage-admins']), policy).outcome, 'granted')
  t.end()
})

t.test('a granted override softens every rule except those without exceptions', (t) => {
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
