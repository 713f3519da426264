import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type ReviewAnswer, Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import { type Change, isArming } from '../../../src/rules/change.ts'
import { root } from '../../fixtures/root.ts'
import { awaited, fakes, options } from './fake-gate.ts'

const folder = join(root, 'test/fixtures/admission-reviews')

/** Replays a review that a real API server once sent. */
async function reviewed(path: string): Promise<{ answer: ReviewAnswer; change: Change | undefined }> {
  const { gate, modules } = fakes()
  const body: unknown = JSON.parse(await readFile(path, 'utf8'))
  const answer = await new Reviewer(options, modules).review(body, '10s', awaited)
  if (!answer.ok) throw new Error(answer.problem)
  return { answer: answer.value, change: gate.asked[0]?.change }
}

const recorded = (file: string) => reviewed(join(folder, file))
const user = { username: 'rig-admin', groups: ['system:masters', 'system:authenticated'] }

t.test('an eviction of a node', async (t) => {
  const { answer, change } = await recorded('001-node-evict-update-nodes.json')
  t.match(change, {
    kind: 'Node',
    operation: 'UPDATE',
    before: { spec: { evictionRequested: false } },
    after: { metadata: { name: 'node-1', namespace: 'longhorn-system' }, spec: { evictionRequested: true } },
    request: { actor: user, dryRun: false, door: 'webhook' },
  })
  t.equal(answer.response.uid, change?.request.uid)
  t.ok(change && isArming(change))
  // The review brings the stored status along, and with it the disks' UUIDs.
  t.ok(
    change?.kind === 'Node' && [...(change.after?.status.diskStatus.values() ?? [])].every((d) => d.diskUUID),
  )
})

t.test('its cancellation, which arms nothing', async (t) => {
  const { change } = await recorded('002-node-evict-cancel-update-nodes.json')
  t.match(change, {
    before: { spec: { evictionRequested: true } },
    after: { spec: { evictionRequested: false } },
  })
  t.notOk(change && isArming(change))
})

t.test('a dry run of the eviction of a disk', async (t) => {
  const { change } = await recorded('006-disk-evict-update-nodes-dryrun.json')
  t.equal(change?.request.dryRun, true)
  const flags = (node: Change['after']) =>
    node?.kind === 'Node' ? [...node.spec.disks.values()].map((disk) => disk.evictionRequested) : []
  t.notMatch(flags(change?.before), [true])
  t.ok(flags(change?.after).includes(true))
})

t.test('a clean-up of one copy', async (t) => {
  const { change } = await recorded('022-bi-cleanup-one-key-update-backingimages.json')
  const copies = (image: Change['after']) =>
    image?.kind === 'BackingImage' ? image.spec.diskFileSpecMap.size : undefined
  t.equal(copies(change?.before), 2)
  t.equal(copies(change?.after), 1)
  t.ok(change && isArming(change))
})

t.test("a clean-up by Longhorn's own service account", async (t) => {
  const { change } = await recorded('026-bi-cleanup-as-sa-update-backingimages.json')
  t.match(change, {
    kind: 'BackingImage',
    request: { actor: { username: 'system:serviceaccount:longhorn-system:longhorn-service-account' } },
  })
})

t.test('an eviction by server-side apply', async (t) => {
  const { change } = await recorded('035-node-ssa-evict-update-nodes.json')
  t.match(change, { operation: 'UPDATE', before: { spec: { evictionRequested: false } } })
  t.ok(change && isArming(change))
})

t.test('a deletion that a finalizer puts off', async (t) => {
  const { change } = await recorded('039-bi-delete-finalizer-delete-backingimages.json')
  t.match(change, { operation: 'DELETE', before: { metadata: { name: 'bi-new' } } })
  t.notOk(change && isArming(change))
})

t.test('a write to /status, which no webhook should be registered for', async (t) => {
  const { answer, change } = await recorded('030-bi-status-update-update-backingimages-status.json')
  t.equal(change, undefined)
  t.match(answer.response, { allowed: true, warnings: [/UPDATE of backingimages\/status\.longhorn\.io/] })
})

const others = process.env.HOLDFAST_ADMISSION_REVIEWS

t.test(
  'every review of the folder HOLDFAST_ADMISSION_REVIEWS is read',
  { skip: others === undefined && 'HOLDFAST_ADMISSION_REVIEWS names no folder' },
  async (t) => {
    for (const file of await readdir(others ?? '')) {
      if (!file.endsWith('.json')) continue
      const path = join(others ?? '', file)
      const { answer, change } = await reviewed(path)
      t.equal(answer.response.allowed, true, file)
      t.equal(
        change === undefined,
        file.endsWith('-status.json'),
        `${file} is judged, unless it is about a status`,
      )
    }
  },
)
