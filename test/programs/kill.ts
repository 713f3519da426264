import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { recordIn } from '../../src/commands/audit/query.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { logOf, startProcess } from '../commands/holdfast.ts'
import { review } from '../doors/webhook/review-builder.ts'
import { rawImage, ready } from '../fixtures/raw-objects.ts'

// Run by `npm run test:kill -- ROUNDS`: a guard is killed at a random moment while it refuses, again and again, and
// every refusal that somebody has received has to be in its audit file.
const rounds = Number(process.argv[2] ?? 200)
const connections = 8

const folder = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
const options = { port: 0, release: 'v1.8.0', nodes: 2, images: 1, longhorn: {}, report: () => undefined }
const sandbox = await Sandbox.start(options)
const path = (name: string): string => join(folder, name)
const clock = { now: Date.now }
const authority = await makeAuthority(clock)
const serving = await issueServing(authority, { dns: [], ips: ['127.0.0.1'] }, clock)
await writeFile(path('kubeconfig'), sandbox.kubeconfig)
await writeFile(path('tls.crt'), serving.cert)
await writeFile(path('tls.key'), serving.key)

let received = 0
let missing = 0
try {
  for (let round = 0; round < rounds; round += 1) await killOnce(round)
} finally {
  await sandbox.stop()
  await rm(folder, { recursive: true, force: true })
}
console.log(`${rounds} guards killed, ${received} refusals received, ${missing} of them not in the file`)
process.exitCode = missing > 0 || received < rounds ? 1 : 0

async function killOnce(round: number): Promise<void> {
  const file = path(`audit-${round}.log`)
  const ports = ['--host', '127.0.0.1', '--port', '0', '--health-port', '0', '--operator-port', '0']
  const certificate = ['--tls-cert', path('tls.crt'), '--tls-key', path('tls.key')]
  const audit = ['--audit-file', file, '--audit-log', 'off']
  const guard = startProcess([
    'serve',
    '--kubeconfig',
    path('kubeconfig'),
    ...certificate,
    ...ports,
    ...audit,
  ])
  const logged = logOf(guard)
  const port = Number((await logged('listening')).port)
  await logged('every Longhorn object is read')
  const agent = new Agent({ ca: authority.cert, keepAlive: true, maxSockets: connections })
  const refused: string[] = []
  let alive = true
  const asking = Array.from({ length: connections }, async (_, line) => {
    for (let n = 0; alive; n += 1) {
      const name = `image-${round}-${line}-${n}`
      if (await isRefused(port, agent, name)) refused.push(name)
    }
  })
  while (refused.length === 0) await wait(1)
  await wait(Math.random() * 60)
  const killed = guard.end()
  alive = false
  await Promise.all([killed, ...asking])
  agent.destroy()
  const written = new Set(
    (await readFile(file, 'utf8')).split('\n').map((text) => recordIn(text)?.object.name),
  )
  received += refused.length
  missing += refused.filter((name) => !written.has(name)).length
  await rm(file)
}

/** Asks to remove the last copy of an image. False without an answer. */
async function isRefused(port: number, agent: Agent, name: string): Promise<boolean> {
  const before = rawImage(name, [ready('d1')])
  const after = { ...before, spec: { ...before.spec, diskFileSpecMap: {} } }
  const body = JSON.stringify(review('BackingImage', { before, after, name }))
  const sent = request({
    host: '127.0.0.1',
    port,
    agent,
    method: 'POST',
    path: '/validate?timeout=10s',
    headers: { 'content-type': 'application/json' },
  })
  sent.end(body)
  try {
    const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    return Buffer.concat(chunks).toString().includes('rule last-usable-copy')
  } catch {
    return false
  }
}
