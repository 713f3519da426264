import t from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { ApiFailure } from '../../src/kubernetes/client/failures.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { certificateFor } from '../fixtures/certificates.ts'

const signal = new AbortController().signal
const registrations = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}

t.test(
  'a guard of a namespace without Longhorn is not ready, and admits nothing of another one',
  async (t) => {
    const sandbox = await Sandbox.start({
      port: 0,
      release: 'v1.8.0',
      nodes: 1,
      images: 1,
      longhorn: { drainMs: 600_000 },
      report: () => undefined,
    })
    const tls = await certificateFor('localhost')
    const book = new InProcessBook()
    const local = { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s' }
    const guard = new Guard(configure([{ ...local, auditLog: 'off', longhornNamespace: 'longhorn' }]), {
      connection: connectTo(sandbox.api.url),
      tls,
      book,
      log: createLog('silent', process.stderr),
    })
    const client = connectTo(sandbox.api.url)
    t.teardown(async () => {
      await guard.stop()
      client.close()
      await sandbox.stop()
    })
    const { port, healthPort } = await guard.start()
    await guard.whenSynced(signal)
    const ready = await fetch(`http://127.0.0.1:${healthPort}/readyz`)
    t.equal(ready.status, 503)
    t.match(await ready.text(), /^Not ready: There is no Longhorn in namespace longhorn: /)
    t.equal((await fetch(`http://127.0.0.1:${healthPort}/livez`)).status, 200)

    const patch = async (name: string, spec: object): Promise<string> => {
      const path = `/apis/longhorn.io/v1beta2/namespaces/${sandbox.namespace}/nodes/${name}`
      const headers = { 'content-type': 'application/merge-patch+json' }
      try {
        await jsonRequest(client, { method: 'PATCH', path, headers, json: { spec }, signal })
        return 'admitted'
      } catch (error) {
        if (error instanceof ApiFailure) return error.message
        throw error
      }
    }
    const url = `https://127.0.0.1:${port}/validate`
    const made = registration({
      url,
      authorityCert: tls.cert,
      longhornNamespace: 'longhorn',
      timeoutSeconds: 10,
    })
    const everywhere = made.webhooks.map((webhook) => ({ ...webhook, namespaceSelector: {} }))
    await sandbox.client.create(registrations, { ...made, webhooks: everywhere })
    const flag = { allowScheduling: false, evictionRequested: true }
    t.match(
      await patch('node-1', flag),
      /in namespace longhorn-system, and this guard follows .* in namespace longhorn\./,
    )
    t.equal(await patch('node-1', { tags: ['ssd'] }), 'admitted', 'what raises no danger')
    t.strictSame([...book.entries()], [], 'nothing is reserved')

    await sandbox.client.delete(registrations, '', made.metadata.name)
    await sandbox.client.create(registrations, made)
    t.equal(
      await patch('node-1', flag),
      'admitted',
      'our own registration does not ask about other namespaces',
    )
  },
)
