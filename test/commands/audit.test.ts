import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import type { HeldChange } from '../../src/gate/held-change.ts'
import { RecentRecords } from '../../src/observability/audit-sinks.ts'
import { HoldStream } from '../../src/observability/hold-stream.ts'
import { operatorApi } from '../../src/server/operator-api.ts'
import { at, held as heldChange } from '../observability/held.ts'
import { record } from '../observability/records.ts'
import { forwardTo, podList } from './forwarded-pods.ts'
import { linesOf, run, start, startProcess } from './holdfast.ts'

const refused = record({ uid: 'r1', verdict: 'refuse', time: '2026-11-23T12:00:02.000Z' })
const held = record({ uid: 'r2', actor: { user: 'bob', groups: [] }, count: 40 })
const overridden = record({ uid: 'r3', verdict: 'allow', override: { reason: 'disk on fire' } })
const lines = (records: readonly object[]): string =>
  records.map((each) => `${JSON.stringify(each)}\n`).join('')

async function fileOf(t: Test): Promise<string> {
  const path = join(t.testdir(), 'audit.log')
  await writeFile(path, `{"level":30,"msg":"listening"}\n${lines([refused, held, overridden])}`)
  return path
}

/** A replica's operator port, without the rest of it. */
async function replica(t: Test, records: readonly (typeof held)[], waiting: readonly HeldChange[] = []) {
  const holds = new HoldStream({ replica: 'one', clock: at(1_000), holds: () => waiting })
  const recent = new RecentRecords()
  for (const each of records) recent.write(each)
  const status = {
    replica: 'one',
    version: '0.1.0',
    synced: true,
    diskMapAgeMs: 12,
    holds: 0,
    settleMs: 10_000,
    settleAfterOutageMs: 90_000,
    lostAfterMs: 600_000,
    waiting: [],
    pendingCleanups: [],
    settling: [],
    policy: { modes: {}, evictionCompletion: 'hold', release: null },
    callers: null,
  }
  const api = operatorApi({ recent, holds, status: () => status })
  await listen(api, 'test', '127.0.0.1', 0)
  t.teardown(() => api.close())
  return { recent, holds, port: portOf(api) }
}

t.test('a file is shown as a table, by time', async (t) => {
  const { code, stdout } = await run(['audit', await fileOf(t)])
  t.equal(code, 0)
  const rows = stdout.trimEnd().split('\n')
  t.match(rows, [
    /^TIME +VERDICT +COUNT +USER +CHANGE +RULES$/,
    /^2026-11-23T12:00:00Z +hold +40 +bob +UPDATE Node\/n1 +eviction-during-cleanup$/,
    / override +1 +ann /,
    /^2026-11-23T12:00:02Z +refuse +1 +ann /,
  ])
})

t.test('a file may be named as other programs want it', async (t) => {
  const file = await fileOf(t)
  t.strictSame(await run(['audit', '--file', file]), await run(['audit', file]))
})

t.test('standard input may be the log of a guard', async (t) => {
  const log = `{"level":30,"msg":"listening"}\n${lines([held])}`
  const { code, stdout } = await run(['audit', '-', '-o', 'json'], {}, log)
  t.equal(code, 0)
  t.strictSame(JSON.parse(stdout), [held])
})

t.test('filters, the summary and the wide table', async (t) => {
  const file = await fileOf(t)
  t.match((await run(['audit', file, '--user', 'bob', '-o', 'json'])).stdout, /"uid": "r2"/)
  t.equal((await run(['audit', file, '--verdict', 'unavailable'])).stdout, '')
  const summary = await run(['audit', file, '--summary'])
  t.match(
    summary.stdout,
    /^COUNT +USER +VERDICT +RULE +LAST\n40 +bob +hold +eviction-during-cleanup +\S+ ago\n/,
  )
  t.match((await run(['audit', file, '-o', 'wide'])).stdout, /disk on fire/)
})

t.test('wrong flags and missing files are errors', async (t) => {
  const since = await run(['audit', await fileOf(t), '--since', 'soon'])
  t.strictSame([since.code, since.stderr.includes('10m')], [2, true])
  const missing = await run(['audit', '/nonexistent/audit.log'])
  t.equal(missing.code, 2)
  t.match(missing.stderr, 'cannot read the audit file /nonexistent/audit.log')
  const nobody = await run(['audit', '--address', 'http://127.0.0.1:1'])
  t.equal(nobody.code, 2)
  t.match(nobody.stderr, 'cannot read the audit of the guard at http://127.0.0.1:1')
})

t.test('only --follow shows requests that wait, so --holds without it is an error', async (t) => {
  const { code, stderr } = await run(['audit', await fileOf(t), '--holds'])
  t.equal(code, 2)
  t.match(stderr, 'it needs --follow')
})

t.test('the schema of a record can be printed', async (t) => {
  const { code, stdout } = await run(['audit', '--schema'])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { $id: 'holdfast.dev/audit/v1', properties: { verdict: {}, findings: {} } })
})

t.test('one replica is followed', async (t) => {
  const { recent, port } = await replica(t, [held])
  const child = startProcess(['audit', '--address', `http://127.0.0.1:${port}`, '--follow', '-o', 'json'])
  t.teardown(child.end)
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
    if (text.split('\n').length === 2) recent.write(refused)
    if (text.split('\n').length === 3) child.kill('SIGINT')
  })
  t.equal(await child.exit, 0)
  t.match(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [{ uid: 'r2' }, { uid: 'r1' }],
  )
})

/** What is told by who follows a replica in which a request waits. */
async function following(t: Test, args: readonly string[] = [], waiting = [heldChange()]) {
  const { recent, holds, port } = await replica(t, [], waiting)
  const child = start(['audit', '--address', `http://127.0.0.1:${port}`, '--follow', ...args])
  t.teardown(child.end)
  return { recent, holds, lines: linesOf(child), child }
}

t.test('--follow shows requests that begin to wait, and their end', async (t) => {
  const { holds, lines } = await following(t)
  t.match(
    await lines(/ waits /),
    /^2026-11-23T12:00:01Z +waits +- +ann +evicting d2 of n1 +eviction-during-cleanup: backing image ubuntu is still being removed from d1 \(for 12s\), 7s left$/,
  )
  holds.ended(heldChange(), 'admitted')
  t.match(await lines(/ waited /), /ann +evicting d2 of n1 +admitted after 1s$/)
})

t.test('the filters apply to requests that wait', async (t) => {
  const request = { uid: 'r', user: 'bob', door: 'webhook' } as const
  const { lines } = await following(
    t,
    ['--user', 'bob', '--node', 'n2', '--image', 'ubuntu', '--rule', 'eviction-during-cleanup'],
    [
      heldChange({ nodes: ['n2'] }),
      heldChange({ request }),
      heldChange({ request, nodes: ['n2'], causes: [] }),
      heldChange({ request, nodes: ['n2'], doing: 'evicting n2' }),
    ],
  )
  t.match(await lines(/ waits /), 'evicting n2')
})

t.test('json is for programs that read records, and has holds only with --holds', async (t) => {
  const plain = await following(t, ['-o', 'json'])
  plain.recent.write(refused)
  t.match(JSON.parse(await plain.lines(/./)), { uid: 'r1' })
  const asked = await following(t, ['-o', 'json', '--holds'])
  t.match(JSON.parse(await asked.lines(/./)), {
    schema: 'holdfast.dev/hold/v1',
    phase: 'began',
    user: 'ann',
    change: 'evicting d2 of n1',
    leftMs: 7_500,
  })
  const none = await following(t, ['--no-holds'])
  none.recent.write(refused)
  t.match(await none.lines(/./), / refuse /)
})

t.test(
  'all replicas that run are read through the API server, each on the port that its pod names',
  async (t) => {
    const replicas = [await replica(t, [refused]), await replica(t, [held])]
    const asked: string[] = []
    const server = createServer((incoming, answer) => {
      asked.push(incoming.url ?? '')
      answer.setHeader('content-type', 'application/json')
      const anchor = { metadata: { annotations: { 'holdfast.dev/book-namespace': 'holdfast' } } }
      const isAnchor = incoming.url?.endsWith('/leases/holdfast-book') === true
      answer.end(JSON.stringify(isAnchor ? anchor : podList(replicas.length, [undefined, 20_081])))
    })
    forwardTo(
      server,
      replicas.map(({ port }) => port),
      (url) => asked.push(url),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const kubeconfig = join(t.testdir(), 'kubeconfig')
    await writeFile(kubeconfig, kubeconfigOf(url))
    const { code, stdout, stderr } = await run(['audit', '--kubeconfig', kubeconfig, '-o', 'json'])
    t.equal(code, 0, stderr)
    t.match(JSON.parse(stdout), [{ uid: 'r2' }, { uid: 'r1' }])
    const [anchor, pods, ...forwards] = asked
    t.match(anchor, /namespaces\/longhorn-system\/leases\/holdfast-book$/, 'where the guard is')
    t.match(pods, /namespaces\/holdfast\/pods\?labelSelector=holdfast.dev/)
    t.match(forwards.sort(), [/pod-0\/portforward\?ports=8081/, /pod-1\/portforward\?ports=20081/])
  },
)

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  })
}
