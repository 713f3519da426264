import { once } from 'node:events'
import https from 'node:https'
import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { review } from '../doors/webhook/review-builder.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { untilHung } from '../fixtures/limits.ts'

interface StoredNode {
  readonly spec: { readonly disks: Readonly<Record<string, object>> }
}

/** A guard that has just started where a node was flagged and cleared before, with a settle that never ends. */
async function starting(t: Test, release: string) {
  const options = { port: 0, release, nodes: 1, images: 1, longhorn: {}, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  t.teardown(() => sandbox.stop())
  const connection = connectTo(sandbox.api.url)
  t.teardown(() => connection.close())
  const longhorn = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
  const patch = (path: string, json: object) =>
    jsonRequest(connection, {
      method: 'PATCH',
      path: `${longhorn}/${path}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      json,
      signal: untilHung(),
    })
  for (const minNumberOfCopies of [2, 1])
    await patch('backingimages/ubuntu-22.04', { spec: { minNumberOfCopies } })
  const stored = (await patch('nodes/node-1', { spec: { allowScheduling: false } })) as StoredNode
  const tls = await certificateFor('localhost')
  const guard = new Guard(
    configure([
      { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', hold: '0s', settle: '1h' },
    ]),
    { connection: connectTo(sandbox.api.url), tls, log: createLog('silent', process.stderr) },
  )
  t.teardown(() => guard.stop())
  const { port, healthPort } = await guard.start()
  await guard.whenSynced(untilHung())
  const ask = async (from: boolean, to: boolean) => {
    const [before, after] = [from, to].map((evictionRequested) => ({
      ...stored,
      spec: { ...stored.spec, evictionRequested },
    }))
    const body = JSON.stringify(review('Node', { name: 'node-1', before, after }))
    const path = '/validate?timeout=30s'
    const asked = https.request({ port, path, method: 'POST', ca: tls.cert, host: 'localhost' })
    asked.setHeader('content-type', 'application/json')
    asked.end(body)
    const [answer] = (await once(asked, 'response')) as [AsyncIterable<Buffer>]
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    const { response } = JSON.parse(Buffer.concat(chunks).toString()) as { response: object }
    return response
  }
  return { healthPort, ask }
}

t.test('a guard that has just started is ready, since a clear must not wait for it', async (t) => {
  const { healthPort, ask } = await starting(t, 'v1.8.0')
  t.equal((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 200)
  t.match(await ask(true, false), { allowed: true })
  t.match(await ask(false, true), {
    allowed: false,
    status: { code: 429, message: /the guard learnt only \d+s ago how BackingImage ubuntu-22\.04 is now/ },
  })
})

t.test('on releases that do not crash, a guard that has just started holds nothing', async (t) => {
  const { ask } = await starting(t, 'v1.10.0')
  t.match(await ask(false, true), { allowed: true })
})
