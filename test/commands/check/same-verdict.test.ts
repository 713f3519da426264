import { readdir, readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { type CheckAnswer, Checker } from '../../../src/commands/check/checker.ts'
import { ClusterState } from '../../../src/commands/check/cluster-state.ts'
import { documentsIn } from '../../../src/commands/check/documents.ts'
import { snapshotOf } from '../../../src/commands/check/snapshot.ts'
import { configure } from '../../../src/configuration/configuration.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { readLonghorn } from '../../../src/kubernetes/live-map.ts'
import { createLog } from '../../../src/observability/log.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { ApiServer } from '../../../src/sandbox/api-server/api-server.ts'
import { Guard } from '../../../src/server/webhook-server.ts'
import { postJson } from '../../doors/webhook/post-json.ts'
import { review } from '../../doors/webhook/review-builder.ts'
import { anyWorld, anyWrite, type World, type Write } from '../../fixtures/any-world.ts'
import { certificateFor } from '../../fixtures/certificates.ts'
import { releases } from '../../fixtures/cluster.ts'
import { uuid } from '../../fixtures/raw-objects.ts'
import { root } from '../../fixtures/root.ts'
import { depth } from '../../fixtures/thorough.ts'
import { timeless } from '../../fixtures/timeless.ts'

const signal = new AbortController().signal
const tls = await certificateFor('localhost')
const longhornPath = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'

type Stored = readonly [plural: string, kind: string, object: object]

/** A cluster of these objects with a guard, and what both the guard and a check of a snapshot say of a review. */
async function both(t: Test, objects: Iterable<Stored>) {
  const api = await ApiServer.start({})
  for (const [plural, kind, object] of objects) await store(api.url, plural, kind, object)
  const ports = { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s' } as const
  const log = createLog('silent', process.stderr)
  const configuration = configure([{ ...ports, auditLog: 'off', hold: '0s', settle: '0s' }])
  const guard = new Guard(configuration, { connection: connectTo(api.url), tls, log })
  const { port } = await guard.start()
  await guard.whenSynced(signal)
  const agent = new Agent({ ca: tls.cert, keepAlive: true })
  const checker = await checkerOf(api.url)
  const stop = async (): Promise<void> => {
    agent.destroy()
    await guard.stop()
    await api.stop()
  }
  t.teardown(stop)
  return {
    /** As the API server would ask now: with the object as it is stored, by uid and version. */
    ask: async (review: Review) => {
      const url = `https://127.0.0.1:${port}/validate?timeout=10s`
      const body = await asStored(api.url, review)
      const { response } = (await postJson(url, agent, body)) as { response: CheckAnswer }
      return { webhook: essence(response), check: essence(await checker.check(body)) }
    },
    stop,
  }
}

/** The tested fields of a review. */
interface Review {
  readonly request: {
    readonly resource: { readonly resource: string }
    readonly kind: { readonly kind: string }
    readonly object?: unknown
    readonly oldObject?: unknown
    readonly [field: string]: unknown
  }
}

interface Named {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
}

function isNamed(object: unknown): object is Named {
  return typeof object === 'object' && object !== null && 'metadata' in object
}

/** A guard takes no review of an object that the API server does not have. */
async function asStored(url: string, review: Review): Promise<Review> {
  const { oldObject, object, resource } = review.request
  if (!isNamed(oldObject)) return review
  const answer = await fetch(`${url}${longhornPath}/${resource.resource}/${oldObject.metadata.name}`)
  if (!answer.ok) return review
  const { uid, resourceVersion } = ((await answer.json()) as Named).metadata
  const inVersion = (each: unknown) =>
    isNamed(each) ? { ...each, metadata: { ...each.metadata, uid, resourceVersion } } : each
  return {
    ...review,
    request: { ...review.request, oldObject: inVersion(oldObject), object: inVersion(object) },
  }
}

/** By way of a snapshot, as text. */
async function checkerOf(url: string): Promise<Checker> {
  const connection = connectTo(url)
  const seen = new ClusterState(Date.now())
  for await (const object of readLonghorn(connection, 'longhorn-system', signal)) seen.add(object)
  connection.close()
  const state = new ClusterState(Date.now())
  const text = stringify(snapshotOf(seen.objects, Date.now()))
  for (const document of documentsIn(text, 'snapshot')) {
    if ('problem' in document) throw new Error(document.problem)
    state.add(document.object)
  }
  return new Checker(state, defaultPolicy)
}

/** The parts that do not depend on the time. */
function essence(answer: CheckAnswer | { readonly problem: string }) {
  if ('problem' in answer) return answer
  const { allowed, status, warnings = [], auditAnnotations } = answer
  const message = status && timeless(status.message)
  return { allowed, code: status?.code, message, warnings: warnings.map(headline), auditAnnotations }
}

/** A check has room for what the API server would cut. */
function headline(warning: string): string {
  const [, first = '', rule = ''] = /^(.*?)(?:\. .*)? \((rule \S+)\)$/.exec(timeless(warning)) ?? []
  return rule === '' ? warning : `${first} (${rule})`
}

function* objectsOf({ profile, nodes, images, sources, replicas }: World): Iterable<Stored> {
  const value = releases[profile]
  yield ['settings', 'Setting', { metadata: { name: 'current-longhorn-version' }, value }] as const
  for (const node of nodes.values()) yield ['nodes', 'Node', node] as const
  for (const image of images.values()) yield ['backingimages', 'BackingImage', image] as const
  for (const each of sources.values())
    yield ['backingimagedatasources', 'BackingImageDataSource', each] as const
  for (const [index, { image, disk }] of replicas.entries()) {
    const spec = { backingImage: image, diskID: uuid(disk) }
    yield ['replicas', 'Replica', { metadata: { name: `r${index}` }, spec }] as const
  }
}

async function store(url: string, plural: string, kind: string, object: object): Promise<void> {
  const { metadata, status } = object as { metadata: { name: string }; status?: object }
  const body = { ...object, metadata: { name: metadata.name, namespace: 'longhorn-system' }, kind }
  const send = async (path: string, method: string, json: object, type = 'application/json') => {
    const headers = { 'content-type': type }
    const answer = await fetch(`${url}${longhornPath}/${path}`, {
      method,
      headers,
      body: JSON.stringify(json),
    })
    if (!answer.ok) throw new Error(await answer.text())
  }
  await send(plural, 'POST', { apiVersion: 'longhorn.io/v1beta2', ...body })
  if (status)
    await send(`${plural}/${metadata.name}/status`, 'PATCH', { status }, 'application/merge-patch+json')
}

/** As a dry run, since what others have reserved is not for a check to know. */
function reviewOf(world: World, { kind, after }: Write) {
  const { name } = after.metadata
  const before = (kind === 'Node' ? world.nodes : world.images).get(name)
  return review(kind, { before, after, name, dryRun: true })
}

const writesEach = 40

t.test('a check of a snapshot agrees with the webhook, for many changes', async (t) => {
  const worlds = fc.sample(anyWorld, { numRuns: depth(2, 25), seed: 4_711 })
  const seen = new Map<string, number>()
  for (const [index, world] of worlds.entries()) {
    const { ask, stop } = await both(t, objectsOf(world))
    for (const write of fc.sample(anyWrite(world), { numRuns: writesEach, seed: index })) {
      const { webhook, check } = await ask(reviewOf(world, write))
      const decision = 'problem' in webhook ? 'problem' : (webhook.auditAnnotations.decision ?? '')
      seen.set(decision, (seen.get(decision) ?? 0) + 1)
      if (JSON.stringify(webhook) !== JSON.stringify(check))
        t.strictSame(check, webhook, JSON.stringify(write))
    }
    await stop()
  }
  t.comment(JSON.stringify(Object.fromEntries(seen)))
  t.equal(
    [...seen.values()].reduce((all, count) => all + count, 0),
    worlds.length * writesEach,
  )
  for (const decision of ['allow', 'hold', 'refuse'])
    t.ok((seen.get(decision) ?? 0) > worlds.length / 2, decision)
})

t.test('and of every recorded review', async (t) => {
  const folder = process.env.HOLDFAST_ADMISSION_REVIEWS ?? join(root, 'test/fixtures/admission-reviews')
  const [world] = fc.sample(anyWorld, { numRuns: 1, seed: 1 })
  if (!world) throw new Error('no world')
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  t.ok(files.length > 0)
  const read = async (file: string) => JSON.parse(await readFile(join(folder, file), 'utf8')) as Review
  const reviews = await Promise.all(files.map(read))
  const { ask } = await both(t, [...objectsOf(world), ...reviewed(reviews)])
  for (const [index, review] of reviews.entries()) {
    const { webhook, check } = await ask({ ...review, request: { ...review.request, dryRun: true } })
    t.strictSame(check, webhook, files[index] ?? '')
  }
})

/** Each object that these reviews are about, as it was before the first of them. */
function reviewed(reviews: readonly Review[]): Stored[] {
  const found = new Map<string, Stored>()
  for (const { request } of reviews) {
    const { oldObject, resource, kind } = request
    if (!isNamed(oldObject)) continue
    const key = `${resource.resource}/${oldObject.metadata.name}`
    if (!found.has(key)) found.set(key, [resource.resource, kind.kind, oldObject])
  }
  return [...found.values()]
}
