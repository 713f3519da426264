import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { WhoIs } from '../../../src/doors/proxy/kubernetes/who-is.ts'
import { ask } from '../../../src/doors/proxy/relay.ts'

/** As the API server answers a SelfSubjectReview. */
const as = (username: string) => ({
  status: 201,
  body: JSON.stringify({ status: { userInfo: { username, groups: ['g'] } } }),
})

/** As it answers a token that it does not know. */
const unauthorized = { status: 401, body: '{"kind":"Status","reason":"Unauthorized","code":401}' }

/** As it answers somebody who may not ask. */
const forbidden = (who: string) => ({
  status: 403,
  body: JSON.stringify({
    kind: 'Status',
    message: `selfsubjectreviews.authentication.k8s.io is forbidden: User ${JSON.stringify(who)} cannot create resource`,
  }),
})

/** Before an API server that answers like this, by the token that comes. */
async function before(t: Test, answerTo: (token: string) => { status: number; body: string }) {
  let now = 1_000
  const asked: string[] = []
  const unknown: string[] = []
  const server = http.createServer((request, response) => {
    const token = request.headers.authorization ?? ''
    asked.push(token)
    const { status, body } = answerTo(token)
    request.resume().on('end', () => response.writeHead(status).end(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const upstream = { server: address, host: address.host, options: () => ({}) }
  const who = new WhoIs({
    ask: (outgoing, signal) => ask(upstream, outgoing, { answerMs: 60_000 }, signal),
    now: () => now,
    onUnknown: (why) => unknown.push(why),
  })
  const find = (token?: string) => who.find(token === undefined ? [] : ['Authorization', token])
  return { find, asked, unknown, pass: (ms: number) => void (now += ms), server }
}

t.test('a caller is identified once in five seconds, however many requests come at once', async (t) => {
  const { find, asked, pass, unknown } = await before(t, () => as('ann'))
  const all = await Promise.all([find('a'), find('a'), find('a')])
  t.match(all, [{ is: 'known', actor: { username: 'ann', groups: ['g'] } }, { is: 'known' }, { is: 'known' }])
  await find('a')
  t.equal(asked.length, 1)
  pass(5_001)
  await find('a')
  t.equal(asked.length, 2, 'a token may have been revoked since')
  t.strictSame(unknown, [])
})

t.test('requests without a token cost one question in five seconds, and each is counted', async (t) => {
  const { find, asked, pass, unknown } = await before(t, () => unauthorized)
  for (let at = 0; at < 50; at++) t.match(await find(), { is: 'stranger', actor: { username: 'unknown' } })
  await Promise.all([find(), find()])
  t.equal(asked.length, 1)
  t.strictSame([...new Set(unknown)], ['stranger'])
  t.equal(unknown.length, 52)
  pass(5_001)
  await find()
  t.equal(asked.length, 2)
})

t.test(
  'five seconds later a revoked token belongs to a stranger, and a token that became valid is known',
  async (t) => {
    let valid = true
    const { find, pass } = await before(t, () => (valid ? as('ann') : unauthorized))
    t.match(await find('a'), { is: 'known' })
    valid = false
    pass(5_001)
    t.match(await find('a'), { is: 'stranger' })
    valid = true
    pass(5_001)
    t.match(await find('a'), { is: 'known' })
  },
)

t.test(
  'the anonymous user is a stranger, and a caller whom the API server does not name is nameless',
  async (t) => {
    const { find } = await before(t, (token) =>
      token === ''
        ? forbidden('system:anonymous')
        : token === 'old'
          ? { status: 404, body: '{}' }
          : forbidden(token),
    )
    t.match(await find(), { is: 'stranger' })
    t.match(await find('bob'), { is: 'nameless', actor: { username: 'unknown' } })
    t.match(await find('User "system:anonymous" '), { is: 'nameless' }, 'whatever the name')
    t.match(await find('old'), { is: 'nameless' }, 'before Kubernetes 1.28')
  },
)

t.test('the proxy asks an API server that failed again a second later', async (t) => {
  let body = '{"status":{}}'
  const { find, asked, pass } = await before(t, (token) => ({ status: token === 'busy' ? 503 : 201, body }))
  t.match(await find('a'), { is: 'untold' })
  t.match(await find('busy'), { is: 'untold' })
  t.match(await find('a'), { is: 'untold' })
  t.equal(asked.length, 2)
  ;({ body } = as('ann'))
  pass(1_001)
  t.match(await find('a'), { is: 'known' })
})

t.test('strangers do not push out known callers', async (t) => {
  const { find, asked } = await before(t, (token) => (token === 'ann' ? as('ann') : unauthorized))
  await find('ann')
  for (let at = 0; at < 1_001; at++) await find(`token ${at}`)
  const count = asked.length
  await find('ann')
  t.equal(asked.length, count)
  await find('token 0')
  t.equal(asked.length, count + 1, 'of strangers, the oldest is forgotten')
})
