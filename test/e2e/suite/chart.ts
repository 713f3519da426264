import type { Test } from 'tap'
import { root } from '../../fixtures/root.ts'
import { everything, lint, rendered } from '../chart.ts'
import type { RealCluster } from '../real-cluster.ts'

const files = ['certificates.mode=files', 'certificates.files.secretName=mine']
const settings: readonly (readonly string[])[] = [
  [],
  everything,
  [...everything, 'certificates.mode=cert-manager'],
  [...everything, ...files],
]

/** The chart, as helm and the API server see it. */
export function chart(t: Test, cluster: RealCluster): void {
  for (const set of settings) {
    const name = set.join(' ') || 'default values'
    t.test(`helm lint --strict: ${name}`, (t) => {
      t.equal(lint(cluster.binaries.helm, ...set), undefined)
      t.end()
    })
    t.test(`--dry-run=server: ${name}`, async (t) => {
      const yaml = rendered(cluster.binaries.helm, ...set)
      const applied = await cluster.kubectl(
        ['apply', '--dry-run=server', '--validate=strict', '-f', '-'],
        yaml,
      )
      t.strictSame([applied.code, applied.stderr], [0, ''])
      t.match(applied.stdout, 'validatingwebhookconfiguration.admissionregistration.k8s.io/holdfast')
    })
  }
  t.test(
    'every pod meets the Pod Security Standard restricted, but on the network of its node',
    async (t) => {
      const label = async (level: string) => {
        const labels = ['enforce', 'warn'].map((mode) => `pod-security.kubernetes.io/${mode}${level}`)
        await cluster.must(['label', 'namespace', 'holdfast', '--overwrite', ...labels])
      }
      await label('=restricted')
      t.teardown(() => label('-'))
      const apply = (...set: readonly string[]) =>
        cluster.kubectl(['apply', '--dry-run=server', '-f', '-'], rendered(cluster.binaries.helm, ...set))
      for (const set of settings) t.match(await apply(...set), { code: 0, stderr: '' }, set.join(' '))
      t.match(await apply('hostNetwork=true'), {
        stderr: /would violate PodSecurity "restricted:latest": host/,
      })
    },
  )
  t.test('a release in Longhorn’s namespace puts the guard into another one', async (t) => {
    await cluster.must(['create', 'namespace', 'beside'])
    // Guards and proxies that ran before have agreed on another namespace.
    await cluster.must(['delete', 'lease', 'holdfast-book', '-n', 'longhorn-system', '--ignore-not-found'])
    const at = ['--namespace', 'longhorn-system']
    const set = ['--set', 'namespaceOverride=beside,webhook.failurePolicy=Ignore']
    const installed = await cluster.helm(['install', 'umbrella', `${root}/charts/holdfast`, ...at, ...set])
    t.match(installed, { code: 0, stderr: '' })
    const made = await cluster.must(['get', 'deployments,services,secrets', '-n', 'beside', '-o', 'name'])
    for (const kind of ['deployment.apps', 'service', 'secret']) t.match(made, `${kind}/umbrella-holdfast`)
    const book = [
      'get',
      'lease',
      'holdfast-book',
      '-n',
      'longhorn-system',
      '-o',
      'jsonpath={.metadata.annotations}',
    ]
    t.match(await cluster.must(book), '"holdfast.dev/book-namespace":"beside"')
    t.match(await cluster.helm(['uninstall', 'umbrella', ...at]), { code: 0 })
    t.match(await cluster.kubectl(book), { stderr: /not found/ })
    await cluster.must(['delete', 'namespace', 'beside', '--wait=false'])
  })
  t.end()
}
