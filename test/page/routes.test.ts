import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import { planWithin } from '../../src/commands/ui/page-plan.ts'
import { addPage } from '../../src/page/routes.ts'
import type { PlanEvictions } from '../../src/page/what-if.ts'
import { eventsIn } from '../../src/commands/ui/event-lines.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { record } from '../observability/records.ts'
import { PageWorld, smallCluster } from './page-world.ts'

/** The events of a stream. */
function eventsOf({ body }: Response) {
  if (!body) throw new Error('there is no stream')
  return eventsIn(body)
}

/** Asks with any header, as fetch does not let a program do. */
async function ask(url: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  const asked = request(url, { method, headers, agent: false }).end()
  const [response] = (await once(asked, 'response')) as [
    NodeJS.ReadableStream & { statusCode: number; headers: IncomingHttpHeaders },
  ]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { status: response.statusCode, headers: response.headers, text }
}

/**
 * Opens a stream that stays open until the end of the test. That of a fetch does not: undici ends it as soon as the garbage
 * collector finds that nobody holds the answer.
 */
async function openStream(t: Pick<Test, 'teardown'>, url: string): Promise<void> {
  const asked = request(`${url}/api/v1/events`, { agent: false }).end()
  t.teardown(() => asked.destroy())
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  response.on('error', () => undefined)
  if (response.statusCode !== 200) throw new Error(`the stream was answered with ${response.statusCode}`)
}

const paths = ['/ui/', '/ui/main.js', '/api/v1/state', '/api/v1/trend', '/api/v1/what-if?node=n1', '/']

t.test('the page and its API answer, and let a browser load nothing from elsewhere', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  for (const path of paths) {
    const { status, headers } = await ask(`${url}${path}`)
    t.equal(status, path === '/' ? 302 : 200, path)
    t.match(headers['content-security-policy'], /^default-src 'self';/, path)
    t.match(headers['content-security-policy'], "frame-ancestors 'none'", path)
    t.notMatch(headers['content-security-policy'], /unsafe|http|\*/, path)
    t.match(headers, { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }, path)
    t.notOk(headers['access-control-allow-origin'], path)
  }
})

t.test('the page refuses every method but GET', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  for (const path of paths)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])
      t.match(
        await ask(`${url}${path}`, {}, method),
        { status: 405, headers: { allow: 'GET' } },
        `${method} ${path}`,
      )
})

t.test('a name that somebody points at this machine gets no answer', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  for (const host of ['evil.example', 'localhost.evil.example:80', '127.0.0.1.nip.io'])
    for (const path of paths)
      t.match(await ask(`${url}${path}`, { host }), { status: 403 }, `${host} ${path}`)
  t.equal((await ask(`${url}/ui/`, { host: 'localhost:1234' })).status, 200)
})

t.test('a page of another site may not ask', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1', `https://${new URL(url).host}`])
    t.equal((await ask(`${url}/api/v1/state`, { origin })).status, 403, origin)
  t.equal((await ask(`${url}/api/v1/state`, { origin: url })).status, 200, 'the page itself may ask')
  const from = (site: string, mode: string, dest: string) => ({
    'sec-fetch-site': site,
    'sec-fetch-mode': mode,
    'sec-fetch-dest': dest,
  })
  t.equal((await ask(`${url}/api/v1/state`, from('cross-site', 'no-cors', 'script'))).status, 403)
  t.equal((await ask(`${url}/api/v1/state`, from('same-site', 'cors', 'empty'))).status, 403)
  t.equal((await ask(`${url}/ui/`, from('cross-site', 'navigate', 'iframe'))).status, 403)
  t.equal(
    (await ask(`${url}/ui/`, from('cross-site', 'navigate', 'document'))).status,
    200,
    'a browser may follow a link to the page',
  )
})

t.test('the files of the page are those and no others, each with its type and its tag', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  const page = await ask(`${url}/ui/`)
  t.match(page.headers['content-type'], 'text/html')
  t.notMatch(
    page.text,
    /<style|style=|<script>|onclick|https?:/,
    'the page has no inline code and loads nothing from other sites',
  )
  const { status } = await ask(`${url}/ui/`, { 'if-none-match': page.headers.etag ?? '' })
  t.equal(status, 304)
  for (const path of ['/ui/tsconfig.json', '/ui/..%2froutes.ts', '/ui/none.js', '/ui/%2e%2e/state.ts'])
    t.equal((await ask(`${url}${path}`)).status, 404, path)
})

t.test('what-if answers with verdicts, batches and commands, or with the fault of a question', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  const answer = async (query: string) => {
    const { status, text } = await ask(`${url}/api/v1/what-if${query}`)
    return { status, body: JSON.parse(text) as unknown }
  }
  t.match(await answer('?node=n1'), {
    status: 200,
    body: {
      kind: 'WhatIf',
      verdicts: [{ node: 'n1', decision: 'waits', findings: [{ rule: 'eviction-during-cleanup' }] }],
      plan: { possible: true, batches: [{ nodes: ['n1'] }] },
      commands: ['holdfast evict n1', 'holdfast reopen n1'],
    },
  })
  t.match(await answer('?node=n1&node=n2'), { body: { plan: { possible: false } } })
  t.match(await answer(''), { status: 400, body: { error: /Name the nodes/ } })
  t.match(await answer('?node=none'), { status: 404, body: { error: 'There is no Longhorn node none.' } })
  const many = Array.from({ length: 51 }, (_, at) => `node=n${at}`).join('&')
  t.match(await answer(`?${many}`), { status: 400, body: { error: /50 nodes at most/ } })
})

t.test('what-if takes a tenth of the time at most: decisions come first', async (t) => {
  const clock = new FakeClock()
  const world = new PageWorld(smallCluster(), clock)
  t.teardown(() => world.trend.stop())
  let spent = 0
  const slow = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + spent,
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms, fire),
  }
  const plan: PlanEvictions = (...asked) => {
    spent += 300
    return world.source.whatIf.plan(...asked)
  }
  const app = fastify()
  addPage(app, { ...world.source, whatIf: { ...world.source.whatIf, plan } }, slow)
  const ask = async () => await app.inject('/api/v1/what-if?node=n1')
  t.equal((await ask()).statusCode, 200)
  const { statusCode, headers, body } = await ask()
  t.equal(statusCode, 503)
  t.equal(headers['retry-after'], '3')
  t.match(body, 'Ask again in 3 s')
  clock.advance(3_000)
  t.equal((await ask()).statusCode, 200)
})

t.test('the page plans no more than a guard can do in between, and names the command instead', async (t) => {
  const world = new PageWorld(smallCluster())
  world.plan = planWithin(1)
  const { url } = await world.serve(t)
  const { status, text } = await ask(`${url}/api/v1/what-if?node=n1`)
  t.equal(status, 200)
  t.match(JSON.parse(text), {
    verdicts: [{ node: 'n1', decision: 'waits' }],
    plan: { possible: false, tooMuch: true, batches: [], problems: [] },
    commands: ['holdfast plan n1'],
  })
})

t.test('the stream begins with everything and goes on with what changes', async (t) => {
  const world = new PageWorld(smallCluster())
  world.records.write(record({ uid: 'before' }))
  world.story.add({ tone: 'good', text: 'It works.' })
  const { url } = await world.serve(t)
  const leaving = new AbortController()
  const response = await fetch(`${url}/api/v1/events`, { signal: leaving.signal })
  t.match(response.headers.get('content-type'), 'text/event-stream')
  const events: { name: string; data: unknown }[] = []
  const reading = (async () => {
    for await (const { name, data } of eventsOf(response)) events.push({ name, data: JSON.parse(data) })
  })()
  const find = (name: string) => events.find((event) => event.name === name)?.data
  await eventually(() => events.length >= 4)
  t.match(find('state'), { nodes: [{ name: 'n1' }, { name: 'n2' }] })
  t.match(find('records'), [{ uid: 'before' }])
  t.match(find('story'), [{ tone: 'good', text: 'It works.' }])
  t.match(find('trend'), { points: [] })
  world.records.write(record({ uid: 'later' }))
  world.hold()
  await eventually(() => find('record') !== undefined && find('change') !== undefined)
  t.match(find('record'), { uid: 'later' })
  t.match(find('change'), { waiting: [{ user: 'anna' }] })
  leaving.abort()
  await t.rejects(reading)
  await eventually(() => world.followers === 0, 'the stream unsubscribes when its reader leaves')
})

t.test('a stream without nodes makes none', async (t) => {
  const world = new PageWorld(smallCluster())
  const { url } = await world.serve(t)
  const response = await fetch(`${url}/api/v1/events?nodes=false`)
  for await (const { name, data } of eventsOf(response)) {
    t.equal(name, 'state')
    t.match(JSON.parse(data), { nodes: [] })
    break
  }
  t.equal(world.looks, 0)
})

t.test('a stream too many gets 503 with Retry-After', async (t) => {
  const { url } = await new PageWorld(smallCluster()).serve(t)
  await Promise.all(Array.from({ length: 16 }, async () => await openStream(t, url)))
  t.match(await ask(`${url}/api/v1/events`), { status: 503, headers: { 'retry-after': '10' } })
})
