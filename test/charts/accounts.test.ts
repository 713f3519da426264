import t from 'tap'
import { skip } from './helm.ts'
import { render, set, type Manifest } from './rendered.ts'

const proxy = 'proxy.longhorn.enabled=true'
const given = ['serviceAccount.create=false', 'serviceAccount.name=guard']

function accountsOf(all: readonly Manifest[]): Record<string, string | undefined> {
  const named = all.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
  return Object.fromEntries(
    named.map(({ metadata, spec }) => [metadata.name, spec?.template?.spec.serviceAccountName]),
  )
}

t.test('a proxy and a hook never share the account of the guard', { skip }, (t) => {
  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [[...given, proxy], /proxy\.serviceAccount\.name: name an account for the proxies/],
    [
      ['serviceAccount.create=false', proxy, 'proxy.serviceAccount.name=default'],
      /must not be the account of the guard \(default\)/,
    ],
    [
      [...given, 'proxy.kubernetes.enabled=true', 'proxy.kubernetes.tls.secretName=mine'],
      /proxy\.serviceAccount\.name: name an account for the proxies/,
    ],
    [
      [...given, proxy, 'proxy.serviceAccount.name=doors'],
      /proxy\.longhorn\.ui\.serviceAccount\.name: name an account for the hooks/,
    ],
    [
      [...given, proxy, 'proxy.serviceAccount.name=doors', 'proxy.longhorn.ui.serviceAccount.name=guard'],
      /must not be the account of the guard \(guard\)/,
    ],
    [
      [...given, proxy, 'proxy.serviceAccount.name=doors', 'proxy.longhorn.ui.serviceAccount.name=doors'],
      /must not be the account of the proxies \(doors\)/,
    ],
    [[proxy, 'proxy.serviceAccount.name=holdfast'], /must not be the account of the guard \(holdfast\)/],
  ]
  for (const [settings, why] of refused)
    t.throws(() => render(...set(...settings)), { message: why }, settings.join())
  t.end()
})

t.test('three existing accounts are used if they are named', { skip }, (t) => {
  const names = ['proxy.serviceAccount.name=doors', 'proxy.longhorn.ui.serviceAccount.name=hooks']
  const all = render(...set(...given, proxy, ...names))
  t.strictSame(accountsOf(all), {
    holdfast: 'guard',
    'holdfast-longhorn': 'doors',
    'holdfast-point-ui': 'hooks',
    'holdfast-ui-back': 'hooks',
  })
  t.notOk(all.some(({ kind }) => kind === 'ServiceAccount'))
  const subjects = (name: string) =>
    all
      .filter(({ kind, metadata }) => kind === 'RoleBinding' && metadata.name === name)
      .flatMap(({ subjects = [] }) => subjects.map((each) => each.name))
  t.strictSame(subjects('holdfast-proxy'), ['doors', 'doors'])
  t.strictSame(subjects('holdfast-point-ui'), ['hooks'])
  t.end()
})

t.test('the rights of a hook end with the hook', { skip }, (t) => {
  const made = render(...set(proxy)).filter(
    ({ kind, metadata }) =>
      metadata.name === 'holdfast-point-ui' && kind !== 'NetworkPolicy' && kind !== 'Job',
  )
  t.strictSame(
    made.map(({ kind }) => kind),
    ['ServiceAccount', 'Role', 'RoleBinding'],
  )
  for (const { kind, metadata } of made) {
    t.match(
      metadata.annotations,
      {
        'helm.sh/hook': 'post-install,post-upgrade,post-rollback,pre-delete',
        'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded,hook-failed',
      },
      kind,
    )
    t.ok(Number(metadata.annotations?.['helm.sh/hook-weight']) < 0, `Helm creates ${kind} before the Job`)
  }
  t.end()
})
