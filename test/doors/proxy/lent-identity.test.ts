import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { ask, type Credentials, headersFor } from '../../../src/doors/proxy/relay.ts'

const headers = {
  Authorization: 'Bearer of-ann',
  'Impersonate-User': 'grace',
  'Impersonate-Group': ['one', 'two'],
}

t.test('a client adds nothing to the identity of the proxy', (t) => {
  const upstream = { server: new URL('http://api'), host: undefined, options: () => ({ headers }) }
  const asked = ['Accept', '*/*', 'impersonate-group', 'system:masters', 'Impersonate-Extra-Reason', 'mine']
  t.strictSame(headersFor(upstream, { headers }, asked), [
    ...['Accept', '*/*', 'Authorization', 'Bearer of-ann', 'Impersonate-User', 'grace'],
    ...['Impersonate-Group', 'one', 'Impersonate-Group', 'two'],
  ])
  const { Authorization } = headers
  t.strictSame(
    headersFor(upstream, { headers: { Authorization } }, asked),
    [...asked, 'Authorization', 'Bearer of-ann'],
    'where the proxy acts as itself, its rights decide',
  )
  t.end()
})

/** Asks an upstream that answers so. @returns how often its credentials were refused */
async function refusals(t: Test, status: number): Promise<number> {
  const server = http.createServer((_, response) => response.writeHead(status).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  let count = 0
  const credentials: Credentials = { refused: () => (count += 1) }
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const upstream = { server: url, host: undefined, options: () => credentials }
  const outgoing = { method: 'GET', target: '/', headers: ['Host', 'api'], body: undefined }
  const answer = await ask(upstream, outgoing, { answerMs: 60_000 })
  t.equal(answer.statusCode, status)
  answer.resume()
  return count
}

t.test('credentials that the upstream rejects are refreshed', async (t) => {
  t.equal(await refusals(t, 401), 1)
  t.equal(await refusals(t, 403), 0)
})
