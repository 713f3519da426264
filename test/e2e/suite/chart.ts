import type { Test } from 'tap'
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
  t.end()
}
