import t from 'tap'
import { guarded, images, namespace, nodes, sources, until } from './guarded-cluster.ts'

t.test('a namespace ends with a guard and without one', async (t) => {
  const { ask, stop, verdicts } = await guarded(t)
  const controllers = ['namespace-controller', 'generic-garbage-collector'].map(
    (name) => `system:serviceaccount:kube-system:${name}`,
  )
  const remove = (as: string) => ask('DELETE', 'nodes?dryRun=All', undefined, as)
  const before = verdicts.length
  for (const as of controllers) t.match(await remove(as), { ok: true }, `${as}, with a guard`)
  t.equal(verdicts.length, before, 'the guard is not asked')
  t.match(await remove('ann'), { ok: false, text: /is denied: [^]*rule disk-removal-with-copies/ })
  await stop()
  for (const as of controllers) t.match(await remove(as), { ok: true }, `${as}, without a guard`)
  t.match(await remove('ann'), { ok: false, text: /failed calling webhook "guard\.holdfast\.dev"/ })
})

t.test('an object that a backup restores without status passes, and a missing one is reported', async (t) => {
  const { sandbox, ask, holdfast } = await guarded(t)
  const restored = async (plural: typeof nodes, from: string, name: string, spec: object) => {
    const object = await sandbox.client.get(plural, namespace, from)
    const metadata = { name, namespace, labels: { 'velero.io/restore-name': 'r1' } }
    if (!object) throw new Error(`there is no ${from}`)
    const { apiVersion, kind, spec: old } = object
    return { apiVersion, kind, metadata, spec: { ...(old as object), ...spec } }
  }
  const node = await ask('POST', 'nodes', await restored(nodes, 'node-1', 'node-9', { name: 'node-9' }))
  t.ok(node.ok, node.text)
  const disk = 'a-disk-of-the-old-cluster'
  const source = { nodeID: 'node-9', diskUUID: disk, fileTransferred: true }
  const ofImage = await ask(
    'POST',
    'backingimagedatasources',
    await restored(sources, 'ubuntu-22.04', 'restored', source),
  )
  t.ok(ofImage.ok, ofImage.text)
  const diskFileSpecMap = { [disk]: {} }
  const image = await restored(images, 'ubuntu-22.04', 'restored', { diskFileSpecMap })
  const made = await ask('POST', 'backingimages', image)
  t.ok(made.ok, made.text)
  await until(t, () => holdfast('status'), {
    code: 1,
    text: /IMAGE NOWHERE[^]*restored .*a-disk-of-the-old-cluster/,
  })
})
