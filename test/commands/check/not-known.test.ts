import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { run } from '../holdfast.ts'
import { inFront } from '../in-front.ts'

const nodes = `apiVersion: longhorn.io/v1beta2
kind: Node
metadata: {name: node-1}
spec: {allowScheduling: true, disks: {a: {path: /a, allowScheduling: true}, b: {path: /b, allowScheduling: true}}}
status:
  conditions: [{type: Ready, status: 'True'}]
  diskStatus: {a: {diskUUID: other, conditions: [{type: Ready, status: 'True'}]}, b: {diskUUID: third, conditions: [{type: Ready, status: 'True'}]}}
---
apiVersion: longhorn.io/v1beta2
kind: Setting
metadata: {name: current-longhorn-version}
value: v1.8.0
`

const cleanUp = '{"spec":{"diskFileSpecMap":{"other":null}}}'
const twoCopies = `apiVersion: longhorn.io/v1beta2
kind: BackingImage
metadata: {name: debian}
spec: {diskFileSpecMap: {other: {}, third: {}}, minNumberOfCopies: 1}
status: {diskFileStatusMap: {other: {state: ready}, third: {state: ready}}}
`

t.test(
  'a clean-up is not admitted for sure where no replica is known, and no empty list of them',
  async (t) => {
    const folder = t.testdir()
    const source =
      'apiVersion: longhorn.io/v1beta2\nkind: BackingImageDataSource\nmetadata: {name: debian}\nspec: {}\n'
    const asked = async (...documents: readonly string[]) => {
      const path = join(folder, 'cluster.txt')
      await writeFile(path, documents.join('---\n'))
      const args = ['check', 'backingimages/debian', '--patch', cleanUp, '--snapshot', path]
      return { strict: await run(args), lenient: await run([...args, '--no-strict']), path }
    }
    const notKnown =
      /^admitted .*\n {4}Warning: not known: whether a replica uses a copy \(copy-in-use\), since the snapshot has no Replica\. Write it with holdfast snapshot\. If there is any, the output of kubectl get replicas\.longhorn\.io/
    const without = await asked(nodes, twoCopies, source)
    t.match(without.strict, { code: 2, stdout: notKnown })
    t.match(without.lenient, { code: 0, stdout: notKnown })

    const list = (kind: string) => `apiVersion: longhorn.io/v1beta2\nkind: ${kind}List\nitems: []\n`
    const none = await asked(nodes, twoCopies, source, list('Replica'))
    t.match(none.strict, { code: 0 })
    t.notMatch(none.strict.stdout, /not known/)
    const sourceless = await asked(nodes, twoCopies, list('Replica'))
    t.match(sourceless.strict, { code: 2, stdout: /not known: whether a first file is still being made/ })
    t.match((await asked(nodes, twoCopies, list('BackingImageDataSource'), list('Replica'))).strict, {
      code: 0,
    })

    const snapshotOf = (head: string) =>
      [
        `apiVersion: holdfast.dev/v1\nkind: Snapshot\n${head}items:\n`,
        ...[...nodes.split('---\n'), twoCopies].map(asItem),
      ].join('')
    t.match((await asked(snapshotOf('takenAt: 2026-11-30T00:00:00Z\n'))).strict, {
      code: 2,
      stdout: notKnown,
    })
    const kinds = 'kinds: [Node, BackingImage, BackingImageDataSource, Replica]\n'
    t.match((await asked(snapshotOf(kinds))).strict, { code: 0, stdout: /^admitted/ })
    const cut = await asked(nodes, twoCopies, source)
    const junit = ['check', 'backingimages/debian', '--patch', cleanUp, '--snapshot', cut.path, '-o', 'junit']
    t.match(await run(junit), { code: 2, stdout: /failures="1".*[^]*<failure type="not known"/ })
  },
)

t.test('a snapshot of a cluster without replicas says that there are none', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const folder = t.testdir({ kubeconfig })
  const { stdout } = await run(['snapshot', '--kubeconfig', join(folder, 'kubeconfig')])
  await writeFile(join(folder, 'cluster.txt'), stdout)
  const patched = ['--patch', '{"spec":{"diskFileSpecMap":null}}', '--snapshot', join(folder, 'cluster.txt')]
  const { stdout: said } = await run(['check', 'backingimages/debian-12', ...patched])
  t.match(said, /^refused/)
  t.notMatch(said, /not known/)
})

t.test('a snapshot that lacks an object which cannot be read is bad news', async (t) => {
  const { api } = await embeddedCluster(t)
  const odd = { metadata: { name: 'odd', resourceVersion: '1' }, spec: { backingImage: 7 } }
  const list = { metadata: { resourceVersion: '1' }, items: [odd] }
  const config = await inFront(t, api.url, (_, path) =>
    path.endsWith('/replicas') ? [200, list] : undefined,
  )
  const folder = t.testdir({ kubeconfig: config })
  t.match(await run(['snapshot', '--kubeconfig', join(folder, 'kubeconfig')]), {
    code: 1,
    stderr: /^Replica odd cannot be read and is not in the snapshot/,
  })
})

function asItem(document: string): string {
  return `  - ${document.trimEnd().replaceAll('\n', '\n    ')}\n`
}
