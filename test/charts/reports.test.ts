import t from 'tap'
import { layerFromFile } from '../../src/configuration/layer.ts'
import { skip } from './helm.ts'
import { type Manifest, render, set } from './rendered.ts'

const rightsIn = (manifests: readonly Manifest[]) =>
  manifests.flatMap(({ kind, metadata, rules = [] }) =>
    rules
      .filter(({ resources }) => resources.some((name) => name.endsWith('reports')))
      .map(({ apiGroups, resources, resourceNames = [], verbs }) =>
        [kind, metadata.namespace, ...apiGroups, ...resources, ...resourceNames, verbs.join()].join(' '),
      ),
  )

const openReports = [
  'Role longhorn-system openreports.io reports holdfast get,patch',
  'Role longhorn-system openreports.io reports create',
]
const policyReports = openReports.map((right) =>
  right.replace('openreports.io reports', 'wgpolicyk8s.io policyreports'),
)

t.test('the chart grants the right to write a report only where one is wanted', { skip }, (t) => {
  const wanted: [flags: string[], rights: string[]][] = [
    [[], []],
    [set('config.reports=off'), []],
    [['--set-json', 'config.reports=false'], []],
    [set('config.reports=openreports'), openReports],
    [set('config.reports=policyreport'), policyReports],
    [set('config.reports=auto'), [...openReports, ...policyReports]],
  ]
  for (const [flags, rights] of wanted) t.strictSame(rightsIn(render(...flags)), rights, flags.join(' '))
  t.end()
})

t.test('the guard and the proxies get the setting', { skip }, (t) => {
  const settingsOf = (...flags: readonly string[]) => {
    const maps = render(...flags).filter(({ kind }) => kind === 'ConfigMap') as readonly Manifest[]
    return maps
      .flatMap(({ data }) => data?.['holdfast.yaml'] ?? [])
      .map((text) => layerFromFile(text, 'holdfast.yaml'))
  }
  const given = settingsOf(
    ...set('config.reports=auto', 'config.reportedFor=1h', 'proxy.longhorn.enabled=true'),
  )
  t.ok(given.length > 0)
  for (const layer of given) t.match(layer, { ok: true, settings: { reports: 'auto', reportedFor: '1h' } })
  for (const layer of settingsOf('--set-json', 'config.reports=false'))
    t.match(layer, { settings: { reports: 'off' } })
  t.end()
})

t.test('the proxies write with the guard’s rights in Longhorn’s namespace', { skip }, (t) => {
  const bindings = (
    render(...set('config.reports=auto', 'proxy.longhorn.enabled=true')) as readonly Manifest[]
  ).filter(
    ({ kind, metadata, roleRef }) =>
      kind === 'RoleBinding' && metadata.namespace === 'longhorn-system' && roleRef?.name === 'holdfast',
  )
  t.strictSame(bindings.map(({ metadata }) => metadata.name).toSorted(), ['holdfast', 'holdfast-proxy'])
  t.end()
})
