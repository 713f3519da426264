// The embedded cluster in its own process, with the real writes in it: an attacker's process must not make them look
// slow.
import { randomUUID } from 'node:crypto'
import { registration } from '../../src/doors/webhook/registration.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { quietRest, strictApi } from './quiet-rest.ts'
import { idleNodes, RealWrites, type Stream, type Way } from './real-writes.ts'

/** The orders to the cluster, one after the other. */
export type Order =
  | { readonly order: 'register'; readonly url: string; readonly authorityCert: string }
  | { readonly order: 'unregister' }
  | { readonly order: 'stream'; readonly way: Way; readonly ms: number; readonly perSecond: number }

/** Its messages: first its address, then the result of each order. */
export type Said =
  | { readonly said: 'ready'; readonly kubeconfig: string; readonly rest: string; readonly strict: StrictApi }
  | { readonly said: 'done' }
  | { readonly said: 'streamed'; readonly stream: Stream }

/** The API for callers that have to identify themselves. */
export interface StrictApi {
  readonly kubeconfig: string
  readonly token: string
}

const registered = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}

const sandbox = await Sandbox.start({
  port: 0,
  release: 'v1.8.0',
  nodes: idleNodes.first - 1 + idleNodes.count,
  images: 2,
  // Its controllers look once only: the real writes request evictions, and none of these should begin.
  longhorn: { reactMs: 3_600_000, syncMs: 3_600_000, drainMs: 3_600_000 },
  report: () => undefined,
})
const writes = new RealWrites(sandbox)

async function follow(order: Order): Promise<Said> {
  switch (order.order) {
    case 'register': {
      const { url, authorityCert } = order
      await sandbox.client.create(registered, registration({ url, authorityCert, timeoutSeconds: 30 }))
      return { said: 'done' }
    }
    case 'unregister':
      await sandbox.client.delete(registered, '', 'holdfast')
      return { said: 'done' }
    case 'stream':
      return { said: 'streamed', stream: await writes.stream(order.way, order.ms, order.perSecond) }
  }
}

process.on('message', (order: Order) => {
  void follow(order).then((said) => process.send?.(said))
})
process.on('disconnect', () => process.exit(0))
const { kubeconfig } = sandbox
const rest = await quietRest(sandbox.rest.url)
const token = randomUUID()
const clock = { now: Date.now }
const authority = await makeAuthority(clock)
const serving = await issueServing(authority, { dns: [], ips: ['127.0.0.1'] }, clock)
const strict: StrictApi = {
  token,
  kubeconfig: kubeconfigWith(await strictApi(sandbox.api.url, token, serving)),
}
process.send?.({ said: 'ready', kubeconfig, rest, strict } satisfies Said)

/** JSON is YAML. */
function kubeconfigWith(server: string): string {
  const [name, user, namespace] = ['strict', { token }, sandbox.namespace]
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': btoa(authority.cert) } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  })
}
