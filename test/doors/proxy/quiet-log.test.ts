import { once } from 'node:events'
import http from 'node:http'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { ProxyDoor } from '../../../src/doors/proxy/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const secret = 'command=rm&command=s3cret'
const path = '/api/v1/namespaces/default/pods/x/exec'

/** A proxy before an upstream that breaks everything off, and its log. */
async function proxied(t: Test, door?: ProxyDoor) {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const quiet = new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked)
  const { url } = await beforeUpstream(
    t,
    (request) => request.socket.destroy(),
    () => door ?? quiet,
    {},
    log,
  )
  return { url, lines }
}

t.test('a request that could not be forwarded is logged without its query', async (t) => {
  const { url, lines } = await proxied(t)
  t.equal((await fetch(`${url}${path}?${secret}`, { method: 'POST' })).status, 502)
  const upgrade = http.get(`${url}${path}?${secret}`, {
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
  })
  const [answer] = (await once(upgrade, 'response')) as [http.IncomingMessage]
  t.equal(answer.resume().statusCode, 502)
  t.equal(lines.length, 2)
  for (const line of lines) {
    t.match(JSON.parse(line), { level: 40, path })
    t.notMatch(line, 's3cret')
  }
})

t.test('a request that failed within the proxy is logged without its query', async (t) => {
  const judge = () => () => Promise.reject(new Error('a mistake of ours'))
  const failure = (status: number, body: string) => ({ status, headers: {}, body })
  const { url, lines } = await proxied(t, { judge, failure })
  t.equal((await fetch(`${url}${path}?${secret}`, { method: 'POST', body: '{}' })).status, 500)
  t.match(JSON.parse(lines[0] ?? ''), { level: 50, path, method: 'POST' })
  t.notMatch(lines.join(''), 's3cret')
})
