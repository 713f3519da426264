import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request, type RequestOptions } from 'node:https'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { parseClientAuthorities, type Wanted } from '../../../src/tls/client-authorities.ts'
import { issueClient, issueServing } from '../../../src/tls/issue.ts'
import type { PemPair } from '../../../src/tls/stored.ts'
import { issueBare, makeIntermediate, makeRoot, selfSigned } from '../../fixtures/odd-certificates.ts'
import { node, review, uid } from './review-builder.ts'
import { running } from './running-webhook.ts'
import { testCertificates } from './test-certificates.ts'

const day = 86_400_000
const now = { now: Date.now }
const ago = (ms: number) => ({ now: () => Date.now() - ms })

const authority = await makeAuthority(now)
const other = await makeAuthority(now)
const client = await issueClient(authority, 'kube-apiserver', now)

const evict = review('Node', {
  before: node({ evictionRequested: false }),
  after: node({ evictionRequested: true }),
})

function wanted(cas: readonly PemPair[] = [authority], names: readonly string[] = []): Wanted {
  return { authorities: parseClientAuthorities(cas.map(({ cert }) => cert).join(''), 'ca.crt'), names }
}

/** A webhook that asks for client certificates, and how to post to it. */
async function asking(t: Test, clients: Wanted = wanted()) {
  const webhook = await running(t, { clients })
  const { port, agent } = webhook
  /** Each call uses a new connection, unless an agent keeps it. */
  const postAs = async (
    shown: Partial<PemPair> = {},
    options: RequestOptions = { agent: false },
    body = JSON.stringify(evict),
  ) => {
    const headers = { 'content-type': 'application/json' }
    const address = { host: '127.0.0.1', port, path: '/validate', method: 'POST' }
    const sent = request({ ...address, ca: agent.options.ca, headers, ...shown, ...options })
    sent.end(body)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
    return {
      status: response.statusCode,
      headers: response.headers,
      json: JSON.parse(text) as { readonly message?: string; readonly response?: object },
    }
  }
  return { ...webhook, postAs }
}

t.test('a review with a client certificate of the authority is judged', async (t) => {
  const { gate, postAs, server } = await asking(t)
  t.match(await postAs(client), { status: 200, json: { response: { uid, allowed: true } } })
  t.equal(gate.asked.length, 1)
  t.match(server.callers?.last, { name: 'kube-apiserver' })
})

t.test('a review without a client certificate is answered 401, unread', async (t) => {
  const { gate, log, postAs, server } = await asking(t)
  for (const body of [JSON.stringify(evict), 'no JSON', '{'.repeat(1_000)]) {
    const { status, headers, json } = await postAs({}, { agent: false }, body)
    t.equal(status, 401)
    t.equal(headers.connection, 'close')
    t.match(json, { kind: 'Status', code: 401, message: /shows no client certificate.*certs --api-server/ })
  }
  t.equal(gate.asked.length, 0)
  t.strictSame(server.callers?.refused.get('no-certificate'), 3)
  t.equal(server.callers?.last, undefined)
  t.match(log.lines, [{ level: 'warn', fields: { why: 'no-certificate', client: '127.0.0.1', refused: 1 } }])
})

t.test('a certificate that will not do is answered 403, with the reason', async (t) => {
  const intermediate = await makeIntermediate(await makeRoot())
  const serving = await issueServing(authority, { dns: ['kube-apiserver'], ips: [] }, now)
  const cases: readonly (readonly [string, PemPair, RegExp])[] = [
    ['of another authority', await issueClient(other, 'kube-apiserver', now), /not signed by an authority/],
    [
      'of an authority below another',
      await issueClient(intermediate, 'x', now),
      /not signed by an authority/,
    ],
    ['of itself', await selfSigned('kube-apiserver'), /not signed by an authority/],
    ['for a server', serving, /not for clients/],
  ]
  const { gate, postAs } = await asking(t)
  for (const [what, shown, why] of cases) {
    const { status, json } = await postAs(shown)
    t.equal(status, 403, what)
    t.match(json.message, why, what)
  }
  t.equal(gate.asked.length, 0)
})

t.test('an expired certificate is named in the answer', async (t) => {
  const old = await makeAuthority(ago(9 * day))
  const { postAs } = await asking(t, wanted([old]))
  const ended = await issueClient(old, 'kube-apiserver', ago(8 * day), { lifetimeMs: day })
  t.match(await postAs(ended), { status: 403, json: { message: /kube-apiserver, or .* is not valid now/ } })
})

t.test('each of several authorities in a file may sign a caller', async (t) => {
  const { postAs } = await asking(t, wanted([other, authority]))
  t.equal((await postAs(client)).status, 200)
  t.equal((await postAs(await issueClient(other, 'kube-apiserver', now))).status, 200)
})

t.test('a client that sends intermediate authorities is followed to the known one', async (t) => {
  const root = await makeRoot()
  const intermediate = await makeIntermediate(root)
  const { server, postAs } = await asking(t, wanted([root, authority]))
  const leaf = await issueClient(intermediate, 'kube-apiserver', now)
  t.equal((await postAs(leaf)).status, 403)
  t.equal((await postAs({ cert: leaf.cert + intermediate.cert, key: leaf.key })).status, 200)
  // This authority may have none below it.
  const forbidden = await makeIntermediate(authority)
  const below = await issueClient(forbidden, 'kube-apiserver', now)
  t.equal((await postAs({ cert: below.cert + forbidden.cert, key: below.key })).status, 403)
  server.setClientAuthorities(wanted([root, intermediate]).authorities)
  t.equal((await postAs(leaf)).status, 200, 'or that are in the file')
})

t.test('a certificate without any name or purpose is rejected', async (t) => {
  const { postAs } = await asking(t, wanted([authority], ['kube-apiserver']))
  const bare = await issueBare(authority)
  t.match(await postAs(bare), { status: 403, json: { message: /The client certificate is not for clients/ } })
})

t.test('if names are configured, a certificate needs one of them exactly', async (t) => {
  const { postAs } = await asking(t, wanted([authority], ['kube-apiserver', 'front-proxy']))
  t.equal((await postAs(client)).status, 200)
  for (const name of ['kube-apiserver-2', 'KUBE-APISERVER', 'apiserver']) {
    const { status, json } = await postAs(await issueClient(authority, name, now))
    t.equal(status, 403, name)
    t.match(json.message, /has none of the names/)
  }
})

t.test('a connection is judged again for each request: authorities change while it lasts', async (t) => {
  const { server, postAs } = await asking(t)
  const kept = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => kept.destroy())
  t.equal((await postAs(client, { agent: kept })).status, 200)
  server.setClientAuthorities(wanted([other, authority]).authorities)
  const [socket] = Object.values(kept.freeSockets).flat()
  t.equal((await postAs(client, { agent: kept })).status, 200)
  t.equal(Object.values(kept.freeSockets).flat()[0], socket, 'on the same connection')
  server.setClientAuthorities(wanted([other]).authorities)
  t.match(await postAs(client, { agent: kept }), { status: 403, headers: { connection: 'close' } })
  t.equal((await postAs(client)).status, 403, 'nor on a new one')
  t.equal((await postAs(await issueClient(other, 'kube-apiserver', now))).status, 200)
})

t.test('a chain is followed again when authorities change, and only along signatures', async (t) => {
  const root = await makeRoot()
  const intermediate = await makeIntermediate(root)
  const { server, postAs } = await asking(t, wanted([root, other]))
  const kept = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => kept.destroy())
  const leaf = await issueClient(intermediate, 'kube-apiserver', now)
  const whole = { cert: leaf.cert + intermediate.cert, key: leaf.key }
  t.equal((await postAs(whole, { agent: kept })).status, 200)
  server.setClientAuthorities(wanted([root, authority]).authorities)
  t.equal((await postAs(whole, { agent: kept })).status, 200, 'its root is there still')
  // The certificate of an authority is public, so anybody can append it to a chain that it has not signed.
  server.setClientAuthorities(wanted([root, authority, other]).authorities)
  const stolen = await issueClient(other, 'kube-apiserver', now)
  const appended = { cert: stolen.cert + authority.cert, key: stolen.key }
  const open = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => open.destroy())
  t.equal((await postAs(appended, { agent: open })).status, 200)
  server.setClientAuthorities(wanted([root, authority]).authorities)
  t.equal((await postAs(appended, { agent: open })).status, 403, 'its own authority is gone')
})

t.test('a connection is judged again for each request: certificates end while it lasts', async (t) => {
  let skewMs = 0
  const webhook = await running(t, { clients: wanted() }, { timeOfDay: () => Date.now() + skewMs })
  const agent = new Agent({ ca: webhook.agent.options.ca, keepAlive: true, maxSockets: 1, ...client })
  t.teardown(() => agent.destroy())
  const post = async () => {
    const headers = { 'content-type': 'application/json' }
    const { port } = webhook
    const sent = request({ host: '127.0.0.1', port, path: '/validate', method: 'POST', agent, headers })
    sent.end(JSON.stringify(evict))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return response.statusCode
  }
  t.equal(await post(), 200)
  skewMs = 366 * day
  t.equal(await post(), 403)
})

t.test('a new serving certificate leaves the demands on callers unchanged', async (t) => {
  const { server, postAs } = await asking(t)
  const next = await testCertificates()
  server.setCertificate(next.serving)
  const trusting = { agent: false as const, ca: next.ca }
  t.equal((await postAs(client, trusting)).status, 200)
  t.equal((await postAs({}, trusting)).status, 401)
  t.equal((await postAs(await issueClient(other, 'kube-apiserver', now), trusting)).status, 403)
})

t.test('a resumed session proves nothing: each handshake needs the certificate', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { port, agent } = await asking(t)
    const sessions: Buffer[] = []
    /** @returns the first line of the answer */
    const ask = async (shown: Partial<PemPair>, session?: Buffer) => {
      const options: ConnectionOptions = { host: '127.0.0.1', port, maxVersion, ...shown }
      const socket: TLSSocket = connect({ ...options, ca: agent.options.ca, ...(session && { session }) })
      socket.on('session', (made: Buffer) => sessions.push(made))
      await once(socket, 'secureConnect')
      socket.write(
        'POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
      )
      const [data] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      return { line: data.toString().split('\r\n', 1)[0], resumed: socket.isSessionReused() }
    }
    t.match((await ask(client)).line, '400', `${maxVersion}: read, and no review`)
    t.match((await ask({})).line, '401')
    for (const session of sessions.splice(0)) {
      const { line, resumed } = await ask({}, session)
      t.match(line, '401', maxVersion)
      t.notOk(resumed)
    }
  }
})

t.test('health is open to all as before', async (t) => {
  const { health } = await asking(t)
  t.match(await health('/livez'), { status: 200 })
  t.match(await health('/readyz'), { status: 200 })
  t.match(await health('/metrics'), { status: 200 })
})

t.test('a rejected caller that keeps coming is logged once in ten minutes, with its count', async (t) => {
  let skewMs = 0
  const { log, port, agent } = await running(
    t,
    { clients: wanted() },
    { timeOfDay: () => Date.now() + skewMs },
  )
  const ask = async (): Promise<void> => {
    const sent = request({ host: '127.0.0.1', port, path: '/validate', agent: false, ca: agent.options.ca })
    sent.end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
  }
  for (let at = 0; at < 5; at++) await ask()
  t.equal(log.lines.length, 1)
  skewMs = 600_000
  await ask()
  t.match(log.lines[1], { message: /rejected/, fields: { why: 'no-certificate', refused: 5 } })
})

t.test('a name with control characters reaches neither log nor answer', async (t) => {
  const { log, postAs } = await asking(t)
  const name = `\u001b]0;owned\u0007${'x'.repeat(3_000)}`
  const { json } = await postAs(await selfSigned(name))
  for (const character of ['\u001b', '\u0007']) t.notOk(json.message?.includes(character))
  t.ok((json.message ?? '').length < 1_000)
  t.notMatch(JSON.stringify(log.lines), /\\u001b|\\u0007/)
})
