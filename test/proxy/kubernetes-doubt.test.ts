import type http from 'node:http'
import t from 'tap'
import { kinds } from '../../src/longhorn/kinds.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, rawNode } from '../fixtures/raw-objects.ts'
import { beforeApi as proxied, node, path, resultsOn, written } from './before-api.ts'

const merge = 'application/merge-patch+json'
const quiet = { read: () => Promise.resolve(node('1')) }

t.test('what was reserved stands until it is certain that a write was not done', async (t) => {
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

t.test('of what a delete answers as terminating, that counts which really is', async (t) => {
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
