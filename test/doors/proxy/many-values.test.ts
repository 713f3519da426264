import t from 'tap'
import { mostValues, mostValuesOfObject, mostValuesOfPatch } from '../../../src/doors/http/body.ts'
import { beforeApi, node, path, written } from './before-api.ts'

/** An object with at least so many values. */
const valued = (values: number): string => `{"spec":{${'"a":0,'.repeat(values / 2)}"b":0}}`
const listed = (values: number): string => `[${'0,'.repeat(values)}0]`

const writes = [
  { line: `PATCH ${path}`, type: 'application/merge-patch+json', most: mostValuesOfPatch, bodyOf: valued },
  {
    line: `PATCH ${path}`,
    type: 'application/merge-patch+json; as=apply-patch+yaml',
    most: mostValuesOfPatch,
    bodyOf: valued,
  },
  { line: `PATCH ${path}`, type: 'application/json-patch+json', most: mostValuesOfPatch, bodyOf: listed },
  { line: `PATCH ${path}`, type: 'application/apply-patch+yaml', most: mostValuesOfObject, bodyOf: valued },
  { line: `PUT ${path}`, type: 'application/json', most: mostValuesOfObject, bodyOf: valued },
  {
    line: `POST ${path.replace('/n1', '')}`,
    type: 'application/json',
    most: mostValuesOfObject,
    bodyOf: valued,
  },
]

for (const { line, type, most, bodyOf } of writes) {
  const [method = '', target = ''] = line.split(' ')
  t.test(
    `a ${method} of ${type} with more values than any write needs is a 413 before it is tried`,
    async (t) => {
      const { url, asked, denied } = await beforeApi(
        t,
        (_, response) => response.writeHead(422).end('{}'),
        {},
      )
      const send = (values: number) =>
        fetch(url + target, { method, headers: { 'content-type': type }, body: bodyOf(values) })
      const answer = await send(most)
      t.equal(answer.status, 413)
      t.match(await answer.json(), {
        reason: 'RequestEntityTooLarge',
        message: `it has more than ${most} values`,
      })
      t.strictSame(asked, [])
      t.match(denied, [{ kind: 'Node', why: 'unreadable' }])
      t.equal((await send(most - 10)).status, 422, 'one with as many as that is tried')
    },
  )
}

t.test(
  'a write that would leave an object with more values than any has is a 413, and is not committed',
  async (t) => {
    const annotations = Object.fromEntries(
      Array.from({ length: mostValuesOfObject / 2 }, (_, at) => [at, '']),
    )
    const result = JSON.stringify({ ...written('1'), spec: { annotations } })
    const { patch, committed, denied } = await beforeApi(t, (_, response) => response.end(result), {
      read: () => t.fail('it is not compared with anything') as never,
    })
    const { status, body } = await patch('application/merge-patch+json')
    t.equal(status, 413)
    t.match(body, { message: /it would leave an object with more than \d+ values/ })
    t.strictSame(committed(), [])
    t.match(denied, [{ kind: 'Node', name: 'n1', why: 'unreadable' }])
  },
)

/** The nodes that a deleted collection has, as the API server answers with them. */
const collection = { method: 'DELETE', target: path.replace('/n1', '') } as const
const listOf = (items: readonly object[]): string => JSON.stringify({ kind: 'NodeList', items })

for (const [what, annotation] of [
  ['more values than are read', ','],
  ['more bytes than are read', 'x'],
] as const) {
  t.test(
    `the deletion of a collection with ${what} gets a 413 with advice, and is not forwarded`,
    async (t) => {
      const annotations = { long: annotation.repeat(annotation === ',' ? mostValues : 16 * 1024 * 1024) }
      const items = [{ ...written('1'), metadata: { name: 'n1', annotations } }]
      const { url, committed, decided, denied } = await beforeApi(
        t,
        (_, response) => response.end(listOf(items)),
        {},
      )
      const answer = await fetch(url + collection.target, { method: collection.method })
      t.equal(answer.status, 413)
      t.match(await answer.json(), {
        reason: 'RequestEntityTooLarge',
        message: /have more than 350000 values together\. Delete them one by one/,
      })
      t.strictSame(committed(), [])
      t.strictSame(decided, [])
      t.match(denied, [{ kind: 'Node', name: '', operation: 'DELETE', why: 'unreadable' }])
    },
  )
}

t.test('a deleted collection with fewer values than are read is judged one by one', async (t) => {
  const items = [written('1'), written('2')]
  const { url, committed, decided } = await beforeApi(t, (_, response) => response.end(listOf(items)), {
    read: () => Promise.resolve(node('1')),
  })
  const answer = await fetch(url + collection.target, { method: collection.method })
  t.equal(answer.status, 200)
  t.equal(decided.length, 2)
  t.strictSame(committed(), [`DELETE ${collection.target}`])
})
