import t from 'tap'
import { mostValuesOfObject, mostValuesOfPatch } from '../../../src/doors/http/body.ts'
import { beforeApi, path, written } from './before-api.ts'

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
