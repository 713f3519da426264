import type http from 'node:http'
import t from 'tap'
import { kinds } from '../../../src/longhorn/kinds.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { disk, rawImage, rawNode, ready } from '../../fixtures/raw-objects.ts'
import { emptied, node, path, beforeApi as proxied, resultsOn, written } from './before-api.ts'

const merge = 'application/merge-patch+json'
const quiet = { read: () => Promise.resolve(node('1')) }

t.test('a reservation stays until it is certain that the write was not done', async (t) => {
  const failed = (status: number, message: string) =>
    [status, JSON.stringify({ kind: 'Status', code: status, message })] as const
  const answers = [
    [...failed(500, 'etcdserver: request timed out'), 1],
    [...failed(503, 'etcdserver: leader changed'), 1],
    [...failed(500, 'Internal error occurred: failed calling webhook "x": EOF'), 0],
    [...failed(403, 'nodes.longhorn.io "n1" is forbidden'), 0],
  ] as const
  for (const [status, body, left] of answers) {
    const { patch, reserved } = await proxied(t, resultsOn('1'), quiet, 0, (_, response) =>
      response.writeHead(status).end(body),
    )
    t.match(await patch(merge), { status, body: { code: status } })
    if (left === 0) await eventually(() => reserved() === 0)
    t.equal(reserved(), left, body)
  }
})

t.test('a delete of whatever matches is judged again if something else matches by then', async (t) => {
  const lists = [['1'], ['1', '2'], ['1', '2'], ['1', '2']]
  const list: http.RequestListener = (_, response) => {
    const items = (lists.shift() ?? []).map((version) => written(version))
    response.end(JSON.stringify({ kind: 'NodeList', items }))
  }
  const { url, decided, committed } = await proxied(t, list, quiet)
  const all = path.replace('/n1', '')
  t.equal((await fetch(url + all, { method: 'DELETE' })).status, 200)
  t.equal(decided.length, 3)
  t.strictSame(committed(), [`DELETE ${all}`])
})

t.test('a delete counts only those objects as terminating that really are', async (t) => {
  const ending = (name: string) => {
    const deletionTimestamp = '2026-11-29T12:00:00Z'
    return rawNode(name, [disk('d1')], { metadata: { uid: name, resourceVersion: '1', deletionTimestamp } })
  }
  const list: http.RequestListener = (_, response) =>
    response.end(JSON.stringify({ kind: 'NodeList', items: ['n1', 'n2', 'n3'].map(ending) }))
  const stored = (name: string) => {
    const parsed = kinds.Node.parse(
      name === 'n1'
        ? rawNode('n1', [disk('d1')], { metadata: { uid: 'n1', resourceVersion: '1' } })
        : ending(name),
    )
    return parsed.ok ? parsed.value : undefined
  }
  const reads: string[] = []
  const read = (_: string, name: string) => {
    reads.push(name)
    return Promise.resolve(stored(name))
  }
  // Of n3 the map knows already that it is.
  const known = (_: string, name: string) => (name === 'n3' ? stored(name) : undefined)
  const { url, decided } = await proxied(t, list, { read, known })
  t.equal((await fetch(url + path.replace('/n1', ''), { method: 'DELETE' })).status, 200)
  t.strictSame(
    decided.map(({ before }) => [before?.metadata.name, before?.metadata.terminating]),
    [
      ['n1', false],
      ['n2', true],
      ['n3', true],
    ],
  )
  t.notOk(reads.includes('n3'))
  const away = await proxied(t, list, { read: () => Promise.reject(new Error('no answer')) })
  t.equal((await fetch(away.url + path.replace('/n1', ''), { method: 'DELETE' })).status, 503)
  t.match(away.denied, [{ operation: 'DELETE', why: 'undecided' }])
})

/** As Longhorn's conversion writes a node in v1beta1: conditions by their type. */
function older(raw: ReturnType<typeof rawNode>): object {
  const conditions = { Ready: { type: 'Ready', status: 'True' } }
  const diskStatus = { d1: { diskUUID: 'u', conditions } }
  return { ...raw, apiVersion: 'longhorn.io/v1beta1', status: { conditions, diskStatus } }
}

t.test(
  'a node that is written in v1beta1 is judged by its spec and by the status that is stored',
  async (t) => {
    const raised = rawNode('n1', [disk('d1', emptied)], { metadata: { resourceVersion: '1' } })
    const answer: http.RequestListener = (_, response) => response.end(JSON.stringify(older(raised)))
    const { patch, decided, denied } = await proxied(t, answer, quiet)
    t.equal((await patch(merge)).status, 200)
    t.strictSame(denied, [])
    const [change] = decided
    t.ok(change?.kind === 'Node' && change.after?.spec.disks.get('d1')?.evictionRequested)
    t.strictSame(change?.after?.kind === 'Node' && change.after.status, node('1').status)

    const cleared = rawNode('n1', [disk('d1'), disk('d2')], { metadata: { resourceVersion: '1' } })
    const clear: http.RequestListener = (_, response) => response.end(JSON.stringify(older(cleared)))
    const away = { read: () => Promise.reject(new Error('no answer')), known: () => node('1', emptied) }
    const cure = await proxied(t, clear, away)
    t.equal((await cure.patch(merge)).status, 200, 'a clear passes, as it does in v1beta2')

    const items: http.RequestListener = (_, response) =>
      response.end(JSON.stringify({ items: [older(raised)] }))
    const all = await proxied(t, items, quiet)
    t.equal((await fetch(all.url + path.replace('/n1', ''), { method: 'DELETE' })).status, 200)
    t.match(all.decided, [{ operation: 'DELETE', before: node('1') }])
  },
)

t.test(
  'an image that is written in v1beta1 is denied with the reason where that does not show its copies',
  async (t) => {
    const image = (metadata: object = {}) =>
      rawImage('i1', [ready('d1')], { metadata: { resourceVersion: '1', ...metadata } })
    const parsed = kinds.BackingImage.parse(image())
    const read = () => Promise.resolve(parsed.ok ? parsed.value : undefined)
    const write = async (answer: object) => {
      const { url, denied, decided } = await proxied(
        t,
        (_, response) => response.end(JSON.stringify({ ...answer, apiVersion: 'longhorn.io/v1beta1' })),
        { read },
      )
      const init = { method: 'PATCH', headers: { 'content-type': merge }, body: '{}' }
      const response = await fetch(url + path.replace('nodes/n1', 'backingimages/i1'), init)
      return { status: response.status, body: await response.text(), denied, decided }
    }
    const { spec, ...rest } = image()
    const hidden = { ...spec, diskFileSpecMap: undefined, disks: { 'uuid-d1': {} } }
    const unclear = await write({ ...rest, spec: hidden })
    t.equal(unclear.status, 403)
    t.match(
      unclear.body,
      /cannot tell whether this write to BackingImage i1 is safe: .*v1beta1.*Write it in v1beta2/,
    )
    t.match(unclear.denied, [{ kind: 'BackingImage', why: 'unreadable' }])
    const shown = await write({ ...rest, spec: { ...spec, disks: { 'uuid-d1': {} } } })
    t.equal(shown.status, 200)
    t.equal(shown.decided.length, 1)
    const ending = image({ deletionTimestamp: '2026-11-29T12:00:00Z' })
    t.equal((await write({ ...ending, spec: hidden })).status, 200, 'an object that is being deleted passes')
  },
)
