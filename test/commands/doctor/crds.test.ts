import t from 'tap'
import { checkCrds, parseDefinition } from '../../../src/commands/doctor/crds.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { facts, forbidden, levels, said } from './facts.ts'

/** A definition with this schema of `spec`, in the version that is read. */
function definition(spec: object, version: object = {}) {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } }
  const old = { name: 'v1beta1', served: true, schema: { openAPIV3Schema: { type: 'object' } } }
  return { spec: { versions: [old, { name: 'v1beta2', served: true, schema, ...version }] } }
}

t.test('a definition shows whether copies on disks are kept', (t) => {
  const knows = { properties: { diskFileSpecMap: { type: 'object' } } }
  const cases: readonly (readonly [string, object, object])[] = [
    ['new enough', definition(knows), { served: true, knowsCopies: true }],
    [
      'too old',
      definition({ properties: { disks: { type: 'object' } } }),
      { served: true, knowsCopies: false },
    ],
    [
      'keeps whatever comes',
      definition({ 'x-kubernetes-preserve-unknown-fields': true }),
      { served: true, knowsCopies: true },
    ],
    ['not served', definition(knows, { served: false }), { served: false, knowsCopies: true }],
    ['of other versions only', { spec: { versions: [] } }, { served: false, knowsCopies: false }],
  ]
  for (const [what, raw, value] of cases) t.strictSame(parseDefinition(raw), { ok: true, value }, what)
  t.notOk(parseDefinition({ spec: {} }).ok)
  t.end()
})

t.test('a definition that is missing, not served or too old is an error', (t) => {
  const { definitions } = facts()
  const withImages = (looked: (typeof definitions)[number]['looked']) =>
    checkCrds({
      ...facts(),
      definitions: definitions.map((each) => (each.kind === 'BackingImage' ? { ...each, looked } : each)),
    })
  const missing = withImages({ seen: undefined })
  t.strictSame(levels(missing), ['error'])
  t.match(said(missing), 'There is no definition of backingimages.longhorn.io')
  t.match(
    said(withImages({ seen: { served: false, knowsCopies: true } })),
    'backingimages.longhorn.io does not serve version v1beta2',
  )
  t.match(
    said(withImages({ seen: { served: true, knowsCopies: false } })),
    'does not know spec.diskFileSpecMap',
  )
  t.strictSame(levels(withImages(forbidden)), ['unknown'])
  t.strictSame(
    levels(
      checkCrds({
        ...facts(),
        definitions: [{ kind: 'Node', looked: { seen: { served: true, knowsCopies: false } } }],
      }),
    ),
    ['ok'],
    'only images have copies',
  )
  t.end()
})

t.test('doctor reports a cluster without Longhorn in one sentence', (t) => {
  const { definitions } = facts()
  const of = (kinds: number) =>
    checkCrds({
      ...facts(),
      definitions: definitions.map((each, at) =>
        at < kinds ? { ...each, looked: { seen: undefined } } : each,
      ),
    })
  t.strictSame(levels(of(definitions.length)), ['error'])
  t.match(said(of(definitions.length)), 'Longhorn is not installed in this cluster')
  t.strictSame(levels(of(2)), ['error'], 'and several that are missing in one too')
  t.match(said(of(2)), /There is no definition of \S+, \S+\./)
  t.end()
})

t.test('most images pending at once point to the definition, even if it cannot be read', (t) => {
  const world = cluster('v1.10.0').node('n', [disk('d')])
  for (const name of ['a', 'b', 'c', 'd']) world.image(name, [pending('d')])
  const findings = checkCrds({ definitions: [], map: { seen: world.map } })
  t.strictSame(levels(findings), ['error'])
  t.match(said(findings), 'Most backing images have a clean-up pending at once')
  t.end()
})
