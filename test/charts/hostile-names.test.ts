import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { layerFromFile } from '../../src/configuration/layer.ts'
import { root } from '../fixtures/root.ts'
import { helm, skip } from './helm.ts'

/** Names that YAML 1.1, and so Kubernetes, does not read as strings. Kubernetes allows each of them. */
const hostile = [
  ...['4444412', '20261129', '010', '0777', '08', '0x1f', '0b11', '0o17', '1e3', '00'],
  ...['on', 'off', 'yes', 'no', 'y', 'n', 'true', 'false', 'null'],
  ...['2026-11-29', '1-2', '685-230'],
]
/** Namespaces have no dots. */
const withDots = ['1.5', '1e3.5', '0.0']

interface Rendered {
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, unknown>>
}

function render(
  release: string,
  namespace: string,
  settings: Readonly<Record<string, string>>,
  more: readonly string[],
): Rendered[] {
  const strings = Object.entries(settings).flatMap(([key, value]) => ['--set-string', `${key}=${value}`])
  const version = ['--kube-version', '1.36.0']
  const chart = `${root}/charts/holdfast`
  const { ok, stdout, stderr } = helm(
    ...['template', release, chart, '-n', namespace, ...version, ...strings],
    ...more.flatMap((setting) => ['--set', setting]),
  )
  if (!ok) throw new Error(stderr)
  const documents = parseAllDocuments(stdout, { version: '1.1' })
  return documents.flatMap((document) => (document.toJS() as Rendered | null) ?? [])
}

/** Keys whose values Kubernetes takes as strings alone, wherever they stand. */
const stringKey =
  /^(name|namespace|secretName|serviceAccountName|policyName|commonName|priorityClassName|image|cidr|kind|topologyKey|key|value|caBundle|severity)$/
/** Maps of strings to strings. */
const stringMap = /^(labels|annotations|matchLabels|nodeSelector)$/
const stringList = /^(resourceNames|dnsNames|args|matchNames|values)$/

function* notStrings(value: unknown, path: string): Generator<string> {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) yield* notStrings(each, `${path}[${index}]`)
    return
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) return
  for (const [key, each] of Object.entries(value)) {
    const here = `${path}.${key}`
    if (stringKey.test(key) && typeof each !== 'string') yield `${here}: ${String(each)}`
    if (stringMap.test(key) || stringList.test(key)) {
      for (const [inner, one] of Object.entries(each as object)) {
        if (typeof one !== 'string') yield `${here}.${inner}: ${String(one)}`
      }
    }
    yield* notStrings(each, here)
  }
}

/** With these everything is rendered, in one mode of certificates or another. */
const everything = [
  ...['serviceMonitor.enabled=true', 'prometheusRule.enabled=true', 'dashboard.enabled=true'],
  ...['backstop.enabled=true', 'proxy.longhorn.enabled=true', 'proxy.kubernetes.enabled=true'],
]
const modes: readonly (readonly string[])[] = [
  [...everything, 'proxy.kubernetes.tls.secretName=mine'],
  [...everything, 'certificates.mode=cert-manager'],
]

t.test('a name that YAML takes for a number, a boolean, a date or null stays a name', { skip }, (t) => {
  // Every name is somewhere, and every place has several of them.
  const releases = ['20261129', 'on', '1e3', ...withDots]
  for (const [index, release] of releases.entries()) {
    const next = (step: number) => hostile[(7 * index + step) % hostile.length] ?? ''
    const settings = {
      nameOverride: next(1),
      ...(index % 2 === 0 ? { fullnameOverride: next(2) } : {}),
      longhornNamespace: next(3),
      'podLabels.own': next(4),
      'podAnnotations.own': next(5),
      'nodeSelector.own': next(6),
      'serviceAccount.annotations.own': next(7),
      'proxy.longhorn.ui.deployment': next(8),
      'image.tag': next(9),
      priorityClassName: next(10),
      'tolerations[0].key': next(11),
      'tolerations[0].value': next(12),
      'webhook.clientCertificates.configMap': next(14),
      'webhook.clientCertificates.key': next(15),
    }
    const rendered = render(release, next(13), settings, modes[index % modes.length] ?? [])
    t.ok(rendered.length > 20)
    t.strictSame([...notStrings(rendered, '')], [], `release ${release}`)
    t.match(
      new Set(rendered.map(({ metadata }) => metadata.namespace).filter((name) => name !== undefined)),
      new Set([next(13), next(3)]),
    )
    const [settingsMap] = rendered.filter(({ data }) => data?.['holdfast.yaml'] !== undefined)
    t.match(layerFromFile(String(settingsMap?.data?.['holdfast.yaml']), 'holdfast.yaml'), { ok: true })
  }
  t.end()
})

t.test('a Service of any release has a name that Kubernetes takes', { skip }, (t) => {
  const cases: readonly (readonly [release: string, settings: Readonly<Record<string, string>>, string])[] = [
    ['20261129', {}, 'holdfast-20261129-holdfast'],
    ['1.5', {}, 'holdfast-1-5-holdfast'],
    ['on', {}, 'on-holdfast'],
    ['holdfast', { nameOverride: 'guard' }, 'holdfast-guard'],
    ['a', { fullnameOverride: '010' }, 'holdfast-010'],
    ['holdfast', {}, 'holdfast'],
    ['my-holdfast', {}, 'my-holdfast'],
  ]
  for (const [release, settings, name] of cases) {
    const services = render(release, 'here', settings, []).filter(({ kind }) => kind === 'Service')
    t.strictSame(
      services.map(({ metadata }) => metadata.name),
      [name],
    )
    t.match(name, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/)
  }
  t.end()
})
