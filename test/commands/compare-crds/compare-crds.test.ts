import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { allKinds } from '../../../src/longhorn/kinds.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { run } from '../holdfast.ts'
import { at, rawDefinition } from './raw-definition.ts'

const all = allKinds.map((kind) => rawDefinition(kind))
const broken = rawDefinition('Node', (schema) => delete at(schema, 'spec').properties?.disks)
const release = (definitions: readonly object[]) =>
  // Longhorn publishes its definitions among everything else that it installs.
  [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'longhorn-system' } }, ...definitions]
    .map((object) => stringify(object))
    .join('---\n')

t.test('a release with all fields is said to have no difference', async (t) => {
  const folder = t.testdir({ 'longhorn.yaml': release(all) })
  const { code, stdout, stderr } = await run(['compare-crds', join(folder, 'longhorn.yaml')])
  t.equal(stderr, '')
  t.equal(code, 0)
  t.match(
    stdout,
    /^Compared 6 definitions with what Holdfast reads of Longhorn up to v1\.\d+\.\n\nNo difference/,
  )
})

t.test('a missing field is a row of a table, and exit code 1', async (t) => {
  const folder = t.testdir({ 'nodes.yaml': release([broken]) })
  const { code, stdout } = await run(['compare-crds', folder])
  t.equal(code, 1)
  t.match(stdout, /^Compared 1 definition .*Not among them: backingimagedatasources\.longhorn\.io, /)
  t.match(stdout, /^broken +nodes\.longhorn\.io +spec\.disks +it is gone/m)
})

t.test('definitions come from standard input too, and --since shows the changes', async (t) => {
  const folder = t.testdir({ 'old.yaml': release(all) })
  const newer = rawDefinition('Replica', (schema) => (at(schema, 'spec.mirror').type = 'string'))
  const args = ['compare-crds', '-', '--since', join(folder, 'old.yaml')]
  const { code, stdout } = await run(args, {}, release([newer]))
  t.equal(code, 0, 'nothing that is read has changed')
  t.match(stdout, /^changed +replicas\.longhorn\.io +spec\.mirror +it is new \(string\)$/m)
})

t.test('files without a definition of Longhorn are an error', async (t) => {
  const folder = t.testdir({ 'other.yaml': release([]), 'broken.yaml': 'a: [' })
  const none = await run(['compare-crds', join(folder, 'other.yaml')])
  t.match(none, { code: 2, stdout: '', stderr: /no CustomResourceDefinition of Longhorn in .*other\.yaml/ })
  t.match(await run(['compare-crds', join(folder, 'broken.yaml')]), { code: 2, stderr: /broken\.yaml:1/ })
  t.match(await run(['compare-crds', join(folder, 'missing')]), {
    code: 2,
    stderr: /missing: it does not exist/,
  })
})

t.test('without a path the definitions of the cluster are compared', async (t) => {
  const sandbox = await embeddedCluster(t, {})
  const folder = t.testdir({ kubeconfig: sandbox.kubeconfig })
  const cluster = ['--kubeconfig', join(folder, 'kubeconfig')]
  t.match(await run(['compare-crds', ...cluster]), { code: 0, stdout: /^Compared 6 definitions/ })
})
