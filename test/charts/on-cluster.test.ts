import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { runProgram } from '../commands/holdfast.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { root } from '../fixtures/root.ts'
import { skip } from './helm.ts'
import type { Made } from './manifest.ts'
import { set } from './rendered.ts'

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }
const namespaces = { group: '', version: 'v1', plural: 'namespaces' }

/** A cluster that helm can ask, with a Lease that says where the guard is. */
async function cluster(t: Test, book?: { readonly namespace: string; readonly release?: string }) {
  const sandbox = await embeddedCluster(t)
  const kubeSystem = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } }
  if (!(await sandbox.client.get(namespaces, '', 'kube-system')))
    await sandbox.client.create(namespaces, kubeSystem)
  if (book) {
    const labels = book.release === undefined ? {} : { 'app.kubernetes.io/instance': book.release }
    const metadata = {
      ...{ name: 'holdfast-book', namespace: 'longhorn-system', labels },
      annotations: { 'holdfast.dev/book-namespace': book.namespace },
    }
    await sandbox.client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec: {},
    })
  }
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  const { PATH = '' } = process.env
  /** The events of the hooks that make or delete the Lease, of release `holdfast` in namespace `holdfast`. */
  return async (...flags: readonly string[]): Promise<(string | undefined)[]> => {
    const args = ['template', 'holdfast', `${root}/charts/holdfast`, '--namespace', 'holdfast']
    const { code, stdout, stderr } = await runProgram(
      'helm',
      [...args, '--kube-version', '1.36.0', '--dry-run=server', '--kubeconfig', kubeconfig, ...flags],
      { PATH, HOME: folder, HELM_CONFIG_HOME: folder, HELM_CACHE_HOME: folder, HELM_DATA_HOME: folder },
    )
    if (code !== 0) throw new Error(stderr)
    return parseAllDocuments(stdout)
      .flatMap((document) => (document.toJS() as Made | null) ?? [])
      .filter(({ kind }) => kind === 'Lease')
      .map(({ metadata }) => metadata.annotations?.['helm.sh/hook'])
  }
}

t.test(
  'an install makes the Lease of the book where there is none, and deletes it with itself',
  { skip },
  async (t) => {
    const books = await cluster(t)
    t.strictSame(await books(), ['pre-install', 'post-delete'])
    t.strictSame(await books('--is-upgrade'), [], 'an upgrade makes no Lease, since its owner is not known')
    t.strictSame(await books(...set('uninstall.removeBook=false')), [])
  },
)

t.test('a release deletes the Lease of its own namespace, whichever door created it', { skip }, async (t) => {
  for (const book of [{ namespace: 'holdfast' }, { namespace: 'holdfast', release: 'holdfast' }]) {
    const books = await cluster(t, book)
    t.strictSame(await books('--is-upgrade'), ['post-delete'])
    t.strictSame(await books(), ['post-delete'])
  }
})

t.test('a release deletes no Lease of another namespace or release', { skip }, async (t) => {
  for (const book of [{ namespace: 'other' }, { namespace: 'holdfast', release: 'other' }]) {
    const books = await cluster(t, book)
    t.strictSame(await books(), [])
    t.strictSame(await books('--is-upgrade'), [])
  }
})
