import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { auditSources } from '../../src/commands/audit/sources.ts'

/** Reads the audit of a replica that behaves so, whose silence is short. */
async function readFrom(t: Test, answer: http.RequestListener): Promise<unknown> {
  const server = http.createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const flags = {
    address: [address],
    operatorPort: 8081,
    follow: false,
    longhornNamespace: 'longhorn-system',
  }
  const reading = {
    env: {},
    isInteractive: false,
    stdin: () => Readable.from([]),
    signal: new AbortController().signal,
    note: () => undefined,
    silenceMs: 20,
  }
  const [source] = await auditSources(undefined, flags, reading)
  if (!source) throw new Error('there is no source')
  for await (const record of source.records) t.comment(record)
  return undefined
}

t.test('a replica that never answers is not waited for', async (t) => {
  await t.rejects(
    readFrom(t, () => undefined),
    { message: /cannot read the audit .*: it said nothing for 0\.02 s/ },
  )
})

t.test('a replica that stops in the middle is not waited for', async (t) => {
  const stopping: http.RequestListener = (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{')
  await t.rejects(readFrom(t, stopping), { message: /cannot read the audit .*: it said nothing for 0\.02 s/ })
})
