import t from 'tap'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import {
  annotate,
  comesTrue,
  commandIn,
  deleteImage,
  deleteNode,
  deleteReplicas,
  diskOf,
  drift,
  gone,
  guarded,
  images,
  namespace,
  nodes,
  patchDisk,
  removeDisk,
  removeCopy,
  until,
  withoutReplicas,
} from './guarded-cluster.ts'

t.test(
  'a node that Kubernetes let go of is deleted while its image is ready elsewhere',
  { skip },
  async (t) => {
    for (const [release, isFlagged] of [
      ['v1.9.2', true],
      ['v1.10.0', true],
      ['v1.12.2', false],
    ] as const) {
      const { sandbox, ask, follow, holdfast } = await guarded(t, { release })
      await sandbox.longhorn.letGo('node-1')
      t.match(await holdfast('status'), { code: 0, stdout: /node-1 .*down\n/ })
      const impossible = () => holdfast('evict', 'node-1', '--dry-run')
      t.match(await impossible(), { code: 1, stderr: /does nothing, since .*KubernetesNodeGone/ }, release)
      t.match(await impossible(), { stderr: /asks .* that its scheduling is disabled, and that no replica/ })
      const flag = { spec: { allowScheduling: false, evictionRequested: true } }
      const evicted = await ask('PATCH', 'nodes/node-1', flag)
      const warning = /evicting node node-1: the eviction does nothing, .*\(rule no-eviction-target\)/
      t.match(evicted, { ok: isFlagged, text: isFlagged ? warning : /only its scheduling can be/ }, release)
      if (!isFlagged) t.ok((await ask('PATCH', 'nodes/node-1', { spec: { allowScheduling: false } })).ok)
      const { stderr } = await impossible()
      t.notMatch(stderr, 'its scheduling is disabled', 'it is')
      // The flag goes with it.
      const deleted = await follow(`${commandIn(stderr, deleteNode)} --wait=false`)
      t.equal(deleted.code, 0, deleted.stderr)
      t.match(
        deleted.stderr,
        /Warning: deleting node node-1: .*ubuntu-22\.04 .* keeps a ready one on disk-1 of node-2.*disk-removal-with-copies/,
      )
      await comesTrue(async () => (await sandbox.client.get(nodes, namespace, 'node-1')) === undefined)
      t.strictSame(sandbox.longhorn.crashes, [])
    }
  },
)

t.test('the last copy on a dead node keeps the node until the advice is followed', { skip }, (t) => {
  const lastCopy = async () => {
    const world = await guarded(t)
    const { sandbox, ask } = world
    const uuid = sandbox.cluster.uuidOf('node-2/disk-1')
    // The volume on it is moved away first.
    await withoutReplicas(world)
    const removed = await ask('PATCH', 'backingimages/ubuntu-22.04', {
      spec: { diskFileSpecMap: { [uuid]: null } },
    })
    t.ok(removed.ok, removed.text)
    await sandbox.longhorn.letGo('node-1')
    const refused = await ask('DELETE', 'nodes/node-1')
    t.match(refused, {
      ok: false,
      text: /is denied: .*may be the last usable one.*rule disk-removal-with-copies/s,
    })
    return { ...world, advice: refused.text }
  }

  t.test('the image is not needed: it is deleted, and then the node', async (t) => {
    const { follow, ask, advice, sandbox } = await lastCopy()
    const deleted = await follow(`${commandIn(advice, deleteImage)} --wait=false`)
    t.equal(deleted.code, 0, deleted.stderr)
    const node = await ask('DELETE', 'nodes/node-1')
    t.ok(node.ok, node.text)
    await comesTrue(async () => (await sandbox.client.get(nodes, namespace, 'node-1')) === undefined)
  })

  t.test('the copy is given up: an annotation says why, and the node is deleted', async (t) => {
    const { follow, ask, advice, verdicts } = await lastCopy()
    t.match(advice, 'disable the scheduling of the node, then kubectl')
    t.ok((await ask('PATCH', 'nodes/node-1', { spec: { allowScheduling: false } })).ok)
    const written = await follow(commandIn(advice, annotate).replace('<why>', 'the machine burnt down'))
    t.equal(written.code, 0, written.stderr)
    t.match(await ask('DELETE', 'nodes/node-1'), {
      ok: true,
      text: /overridden, which is on record: the machine burnt down/,
    })
    t.match(verdicts.at(-1), { decision: 'allow', override: { reason: 'the machine burnt down' } })
  })

  t.test('the node comes back', async (t) => {
    const { sandbox, holdfast } = await lastCopy()
    await until(t, () => holdfast('status'), {
      code: 1,
      text: /IMAGE NOWHERE[^]*ubuntu-22\.04 .*KubernetesNodeGone/,
    })
    await sandbox.longhorn.powerOn('node-1')
    await until(t, () => holdfast('status'), { code: 0, text: /node-1 .*ok\n/ })
  })
  t.end()
})

t.test('the UUID of a disk that changed at a reboot is found, and put back', async (t) => {
  const world = await guarded(t)
  const { sandbox, files, ask, holdfast } = world
  const old = sandbox.cluster.uuidOf('node-1/disk-1')
  await withoutReplicas(world)
  const other = { [sandbox.cluster.uuidOf('node-2/disk-1')]: null }
  await ask('PATCH', 'backingimages/ubuntu-22.04', { spec: { diskFileSpecMap: other } })
  const path = await drift(world, 'node-1', '00000000-0000-4000-8000-000000000000')
  await until(t, () => holdfast('status'), {
    code: 1,
    text: new RegExp(`IMAGE NOWHERE[^]*ubuntu-22\\.04 +\\w+ +${old} \\(no node has it\\)`),
  })
  const doctor = await holdfast('doctor')
  t.match(
    doctor.stdout,
    /error +disks +Backing image ubuntu-22\.04 has no usable copy on a disk that a node has/,
  )
  const evict = await holdfast('evict', 'node-1', '--dry-run')
  t.match(evict.stderr, /Warning: backing image ubuntu-22\.04 has no usable copy[^]*longhorn-disk\.cfg/)

  // As it is told: the old UUID into longhorn-disk.cfg of that disk, and the disk added to its node again.
  const spec = await diskOf(sandbox, 'node-1', 'disk-1')
  const removed = await removeDisk(ask, 'node-1', 'disk-1')
  t.match(removed, { ok: true, text: /backing image ubuntu-22\.04 .*\(rule images-nowhere\)/ })
  files.set(path, old)
  await gone(sandbox, 'node-1', 'disk-1')
  t.ok((await patchDisk(ask, 'node-1', 'disk-1', spec)).ok)
  await until(t, () => holdfast('status'), { code: 0, text: /node-1 .*ok\n/ })
  t.match((await holdfast('doctor')).stdout, /ok +disks /)
})

t.test('four cloned machines get separate UUIDs again', async (t) => {
  const world = await guarded(t, { nodes: 4 })
  const { sandbox, files, ask, holdfast } = world
  const shared = sandbox.cluster.uuidOf('node-1/disk-1')
  // What was on the disks that are overwritten is moved away first.
  await withoutReplicas(world)
  const other = sandbox.cluster.uuidOf('node-2/disk-1')
  const cleanUp = { spec: { diskFileSpecMap: { [other]: null } } }
  // The guard has to see first that no replica needs the copy.
  await comesTrue(async () => (await ask('PATCH', 'backingimages/ubuntu-22.04', cleanUp)).ok)
  const image = () => sandbox.client.get(images, namespace, 'ubuntu-22.04')
  await comesTrue(async () => !JSON.stringify(await image()).includes(other))
  const clones = ['node-2', 'node-3', 'node-4'] as const
  const paths = new Map<string, string>()
  for (const node of clones) paths.set(node, await drift(world, node, shared))
  const look = () => holdfast('status')
  const owners = 'disk-1 of node-1, disk-1 of node-2, disk-1 of node-3, disk-1 of node-4'
  await until(t, look, { text: new RegExp(`ONE UUID[^]*${shared} +${owners}`) })
  const { stdout: advice } = await holdfast('doctor')
  t.match(advice, `Disks ${owners} have one UUID`)
  t.match(
    advice,
    /disable the scheduling, delete longhorn-disk\.cfg on it .* remove it from its node and add it again/,
  )

  for (const node of clones) {
    const spec = await diskOf(sandbox, node, 'disk-1')
    t.ok((await patchDisk(ask, node, 'disk-1', { allowScheduling: false })).ok, node)
    const may = () => patchDisk(ask, `${node}?dryRun=All`, 'disk-1', null)
    t.match(
      await may(),
      {
        ok: false,
        text: /a disk of node-1.* has the same UUID.*disk-removal-with-copies\)[^]*disk-1 of .*cannot be removed/,
      },
      `${node}: Longhorn counts the copy`,
    )
    files.delete(paths.get(node) ?? '')
    await comesTrue(async () => (await may()).ok)
    t.match(await patchDisk(ask, node, 'disk-1', null), { ok: true }, node)
    await gone(sandbox, node, 'disk-1')
    t.ok((await patchDisk(ask, node, 'disk-1', spec)).ok, node)
  }
  await until(t, look, { code: 0, text: /^(?![^]*ONE UUID)[^]*node-4 +- +open +2 / })
  t.match((await holdfast('doctor')).stdout, /ok +disks /)
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('a dead node is deleted with a copy on it, which is cleaned up after that', { skip }, async (t) => {
  const { sandbox, ask, follow, holdfast } = await guarded(t)
  // A replica of a volume is on it as well.
  await sandbox.longhorn.letGo('node-2')
  const deleted = await ask('DELETE', 'nodes/node-2')
  t.match(deleted, {
    ok: true,
    text: /keeps a ready one on disk-1 of node-1.*rule disk-removal-with-copies/,
  })
  await comesTrue(async () => (await sandbox.client.get(nodes, namespace, 'node-2')) === undefined)
  await until(t, () => holdfast('doctor'), {
    text: /warn +disks +Longhorn looks for a copy of backing image ubuntu-22\.04/,
  })
  const cleaned = await follow(commandIn((await holdfast('doctor')).stdout, removeCopy))
  t.equal(cleaned.code, 0, cleaned.stderr)
  t.match(cleaned.stderr, /Warning: .*replica \S+ uses it, and runs nowhere.*\(rule copy-in-use\)/)
  await until(t, () => holdfast('doctor'), { text: /ok +disks / })
})

t.test('of a node that came back with new disks the old copy is cleaned up', { skip }, async (t) => {
  const world = await guarded(t)
  const { follow, holdfast } = world
  await drift(world, 'node-1', '11111111-1111-4111-8111-111111111111')
  await until(t, () => holdfast('doctor'), {
    text: /warn +disks +Longhorn looks for a copy of backing image ubuntu-22\.04/,
  })
  const advice = (await holdfast('doctor')).stdout
  t.equal((await holdfast('status')).code, 0, 'it is ready elsewhere')
  const cleaned = await follow(commandIn(advice, removeCopy))
  t.equal(cleaned.code, 0, cleaned.stderr)
  await until(t, () => holdfast('doctor'), { text: /ok +disks / })
})

t.test(
  'a replica on a disk that did not come back is deleted before the copy that it used',
  { skip },
  async (t) => {
    const world = await guarded(t)
    const { follow, holdfast } = world
    await drift(world, 'node-2', '11111111-1111-4111-8111-111111111111')
    await until(t, () => holdfast('doctor'), {
      text: /warn +disks +Longhorn looks for a copy of backing image ubuntu-22\.04/,
    })
    const advice = commandIn((await holdfast('doctor')).stdout, removeCopy)
    const refused = await follow(advice)
    t.match(refused, {
      code: 1,
      stderr:
        /is denied: replica .* uses it[^]*Bring the disk back\. If it is gone for good[^]*rule copy-in-use/,
    })
    const left = await follow(`${commandIn(refused.stderr, deleteReplicas)} --wait=false`)
    t.equal(left.code, 0, left.stderr)
    await comesTrue(async () => (await follow(advice)).code === 0)
    await until(t, () => holdfast('doctor'), { text: /ok +disks / })
  },
)
