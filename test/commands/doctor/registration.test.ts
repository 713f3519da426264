import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { checkTrust } from '../../../src/commands/doctor/certificate.ts'
import { chartConditions, sameExpression } from '../../../src/commands/doctor/chart-conditions.ts'
import { parseRegistration, type Registration } from '../../../src/commands/doctor/facts.ts'
import { checkRegistration } from '../../../src/commands/doctor/registration.ts'
import { notLeaving } from '../../../src/doors/webhook/registration.ts'
import { jsonPatch } from '../../../src/json/patch.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { noon } from '../../fixtures/cluster.ts'
import { root } from '../../fixtures/root.ts'
import { authority, facts, levels, names, registered, said } from './facts.ts'

function check(parts: Readonly<Record<string, unknown>>) {
  return checkRegistration({ registration: { seen: registered(parts) }, names })
}

const ofChart = (name: string) => ({ name, expression: chartConditions.get(name) })

function read(webhooks: readonly object[]): Registration {
  const parsed = parseRegistration({ webhooks })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

const rule = (resources: string[], operations = ['*'], apiGroups = ['longhorn.io']) => ({
  apiGroups,
  operations,
  resources,
})

t.test('without a registration sends nothing to the guard', (t) => {
  for (const seen of [undefined, []]) {
    const findings = checkRegistration({ registration: { seen }, names })
    t.strictSame(levels(findings), ['error'])
    t.match(said(findings), /ValidatingWebhookConfiguration holdfast[^]*sends nothing to the guard/)
  }
  t.end()
})

t.test('writes that are not sent to the guard are reported, operation by operation', (t) => {
  const cases: readonly (readonly [string, object[] | undefined, RegExp | undefined])[] = [
    ['all of all', [rule(['*'], ['*'], ['*'])], undefined],
    [
      'no more than is needed',
      [
        rule(['nodes'], ['CREATE', 'UPDATE', 'DELETE']),
        rule(['backingimages'], ['UPDATE']),
        rule(['backingimagedatasources'], ['CREATE', 'UPDATE']),
      ],
      undefined,
    ],
    ['core nodes', [rule(['*'], ['*'], [''])], /CREATE of nodes\.longhorn\.io in longhorn-system/],
    [
      'no deletions',
      [rule(['nodes', 'backingimages', 'backingimagedatasources'], ['CREATE', 'UPDATE'])],
      /send DELETE of nodes\.longhorn\.io in longhorn-system\./,
    ],
    ['nothing', undefined, /UPDATE of backingimages\.longhorn\.io/],
  ]
  for (const [what, rules, text] of cases) {
    const findings = check({ rules })
    t.strictSame(levels(findings), [text === undefined ? 'ok' : 'error'], what)
    if (text) t.match(said(findings), text, what)
  }
  t.end()
})

t.test('a registration that leaves out Longhorn’s namespace guards nothing', (t) => {
  const key = 'kubernetes.io/metadata.name'
  const expression = (operator: string, values?: string[]) => ({
    matchExpressions: [{ key, operator, values }],
  })
  const cases: readonly (readonly [object, boolean])[] = [
    [expression('In', ['longhorn-system']), true],
    [expression('In', ['default']), false],
    [expression('NotIn', ['default']), true],
    [expression('NotIn', ['longhorn-system']), false],
    [expression('Exists'), true],
    [{ matchLabels: { [key]: 'longhorn-system' } }, true],
    [{ matchLabels: { [key]: 'longhorn' } }, false],
    [expression('DoesNotExist'), false],
  ]
  for (const [namespaceSelector, sent] of cases) {
    t.strictSame(
      levels(check({ namespaceSelector })),
      [sent ? 'ok' : 'error'],
      JSON.stringify(namespaceSelector),
    )
  }
  t.end()
})

t.test('a condition that was added to the registration is reported, since it bypasses the guard', (t) => {
  const cases: readonly (readonly [Record<string, unknown>, 'warn' | 'error', RegExp])[] = [
    [{ objectSelector: { matchLabels: { guarded: 'yes' } } }, 'error', /has an objectSelector \(guarded\)/],
    [
      { objectSelector: { matchExpressions: [{ key: 'guarded', operator: 'Exists' }] } },
      'error',
      /has an objectSelector \(guarded\)/,
    ],
    [
      { namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'In', values: ['storage'] }] } },
      'warn',
      /selects namespaces by team/,
    ],
    [
      { matchConditions: [ofChart('can-raise-danger'), { name: 'never', expression: 'false' }] },
      'warn',
      /matchConditions that the chart does not have: never\./,
    ],
    [
      { matchConditions: [ofChart('not-being-deleted'), { name: 'can-raise-danger', expression: 'false' }] },
      'warn',
      /differ from the chart of this version: can-raise-danger\./,
    ],
    [
      {
        matchConditions: [
          {
            name: 'can-raise-danger',
            expression: (chartConditions.get('can-raise-danger') ?? '').replace("'nodes'", "'nodes '"),
          },
        ],
      },
      'warn',
      /differ from the chart of this version: can-raise-danger\./,
    ],
    [
      { matchConditions: [{ name: 'not-being-deleted', expression: null }] },
      'warn',
      /differ from the chart of this version: not-being-deleted\./,
    ],
    [{ matchPolicy: 'Exact' }, 'warn', /has matchPolicy Exact/],
    [{ rules: [{ ...rule(['*']), apiVersions: ['v1beta1'] }] }, 'error', /does not send CREATE of nodes/],
    [{ rules: [{ ...rule(['*']), scope: 'Cluster' }] }, 'error', /does not send CREATE of nodes/],
  ]
  for (const [parts, level, text] of cases) {
    t.strictSame(levels(check(parts)), [level], text.source)
    t.match(said(check(parts)), text)
  }
  const conditions = ['not-being-deleted', 'not-being-uninstalled', 'can-raise-danger']
  const chart = {
    objectSelector: {},
    matchConditions: conditions.map(ofChart),
  }
  t.strictSame(levels(check(chart)), ['ok'])
  t.end()
})

t.test(
  'a patch of that webhook takes out a condition that a person added, since an upgrade leaves it there',
  (t) => {
    const name = 'kubernetes.io/metadata.name'
    const parts = {
      objectSelector: { matchLabels: { guarded: 'yes' } },
      namespaceSelector: { matchLabels: { [name]: 'longhorn-system', team: 'storage' } },
      matchConditions: [
        { name: 'never', expression: 'false' },
        ofChart('can-raise-danger'),
        { name: 'nor', expression: 'false' },
      ],
    }
    const expressions = {
      namespaceSelector: {
        matchExpressions: [
          { key: name, operator: 'In', values: ['longhorn-system'] },
          { key: 'team', operator: 'Exists' },
        ],
      },
    }
    const records = registered({ name: 'uninstall.holdfast.dev' })
    for (const added of [parts, expressions]) {
      let seen: object[] = [...records, ...registered(added)]
      const findings = checkRegistration({ registration: { seen: read(seen) }, names })
      for (const { remedy } of findings) {
        const [, patch = '[]'] =
          /kubectl patch \S+ holdfast --type json -p '([^']*)'/.exec(remedy ?? '') ?? []
        const patched = jsonPatch({ webhooks: seen }, JSON.parse(patch))
        if (!patched.ok) throw new Error(patched.problem)
        seen = (patched.value as { webhooks: object[] }).webhooks
      }
      t.strictSame(levels(checkRegistration({ registration: { seen: read(seen) }, names })), ['ok'])
    }
    t.end()
  },
)

t.test('status must never be registered', (t) => {
  for (const resource of ['backingimages/status', '*/*', 'nodes/*']) {
    const findings = check({ rules: [rule(['*']), rule([resource])] })
    t.match(said(findings), 'sends status writes', resource)
  }
  t.end()
})

t.test('a failure policy that could be better is reported', (t) => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ failurePolicy: 'Ignore' }, /failurePolicy Ignore[^]*--set webhook\.failurePolicy=Fail/],
    [{ timeoutSeconds: 3 }, /gives the guard 3 s/],
    [
      { clientConfig: { service: { namespace: 'elsewhere', name: 'holdfast' } } },
      /namespace elsewhere, not of holdfast/,
    ],
  ]
  for (const [parts, text] of cases) {
    t.strictSame(levels(check(parts)), ['warn'])
    t.match(said(check(parts)), text)
  }
  t.end()
})

t.test('the webhook that only records an uninstall guards nothing, and may be of any patience', (t) => {
  const records = registered({ name: 'uninstall.holdfast.dev', failurePolicy: 'Ignore', timeoutSeconds: 3 })
  const checked = (seen: typeof records) => levels(checkRegistration({ registration: { seen }, names }))
  t.strictSame(checked([...registered(), ...records]), ['ok'])
  t.strictSame(checked(records), ['error'])
  t.end()
})

t.test('the API server has to trust an authority that stays valid for a while', async (t) => {
  const day = 86_400_000
  const other = await makeAuthority({ now: () => noon + 1000 * day })
  const bundle = (...pems: string[]) => ({ caBundle: Buffer.from(pems.join('')).toString('base64') })
  const trust = (clientConfig: object, now = noon) =>
    checkTrust({ ...facts({ registration: { seen: registered({ clientConfig }) } }), now })
  t.strictSame(levels(trust(bundle(authority.cert))), ['ok'])
  t.match(said(trust({})), 'There is no caBundle')
  t.match(said(trust(bundle('nonsense'))), 'no certificate in the caBundle')
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
  t.match(said(trust(bundle(broken))), 'no certificate in the caBundle')
  t.match(said(trust(bundle(authority.cert), noon + 40_000 * day)), 'Every authority has expired')
  const ends = /until (\S+)\./.exec(said(trust(bundle(authority.cert))))?.[1] ?? ''
  const soon = trust(bundle(authority.cert), Date.parse(ends) - 10 * day)
  t.strictSame(levels(soon), ['warn'])
  t.match(said(soon), `valid only until ${ends}`)
  t.strictSame(
    levels(trust(bundle(authority.cert, broken, other.cert), Date.parse(ends) - 10 * day)),
    ['ok'],
    'the next authority is there already',
  )
  t.strictSame(levels(checkTrust(facts({ registration: { seen: undefined } }))), ['unknown'])
})

t.test('doctor knows the matchConditions as the chart has them', (t) => {
  const chart = `${root}/charts/holdfast`
  const file = (name: string) =>
    readFileSync(`${chart}/match-conditions/${name}.cel`, 'utf8').replaceAll(/^\s*\/\/.*\n/gm, '')
  const template = (name: string) => readFileSync(`${chart}/templates/${name}`, 'utf8')
  /** The names in the list of a template after these words. */
  const listed = (text: string, before: string): string[] => {
    const [, list = ''] = text.split(`${before} list `)
    return [...(list.split(/[}\n]/)[0] ?? '').matchAll(/"([a-z-]+)"/g)].map(([, name = '']) => name)
  }
  const words = (text = '') => text.replaceAll(/\s+/g, ' ').trim()
  const leaving = listed(template('_match-conditions.tpl'), '$name :=')
  const dangers = listed(template('webhook.yaml'), '$acts :=')
  t.strictSame([...chartConditions.keys()], [...leaving, 'can-raise-danger'], 'the same conditions')
  for (const name of leaving) t.equal(words(chartConditions.get(name)), words(file(name)), name)
  t.equal(
    words(chartConditions.get('can-raise-danger')),
    words(dangers.map((name) => `( ${file(name)} )`).join(' || ')),
  )
  t.strictSame(
    readdirSync(`${chart}/match-conditions`).toSorted(),
    [...leaving, ...dangers].map((name) => `${name}.cel`).toSorted(),
    'no file is left out',
  )
  for (const { name, expression } of notLeaving)
    t.ok(sameExpression(expression, file(name)), `a registration without the chart: ${name}`)
  t.end()
})
