import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { LastAnswers } from '../../tls/last-answers.ts'
import { type Clock, systemClock, timestamp } from '../../time/clock.ts'
import type { ClusterClient, ObjectEvent, ResourceName, User, Watch } from '../cluster-client.ts'
import { Admission, type OwnWebhook } from './admission/admission.ts'
import { type ResolveService, WebhookCaller } from './admission/call-webhook.ts'
import { noSuchPath } from './failure.ts'
import { answerHttp } from './http/http-api.ts'
import type { PreviousLog } from './http/pod-log.ts'
import { ReadRequests } from './http/read-requests.ts'
import { lastAnswer } from './http/send.ts'
import { type Identity, randomIdentity, Uptime } from './identity.ts'
import { type ClientModules, InProcessClient, openWatch } from './in-process-client.ts'
import { findResource, namespaces } from './resources.ts'
import { Store } from './store/store.ts'
import { Deletes } from './writes/deletes.ts'
import { prepareCreate } from './writes/prepare.ts'
import { Writes } from './writes/writes.ts'

/** Options of the embedded cluster's API server; every part has a default. */
export interface ApiServerOptions {
  /** The listen address. Loopback by default, since it has no access control. */
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** How many changes a watch can look back; with fewer, 410 is more frequent. */
  readonly historySize: number
  /** How long a request may take, its webhooks included: the API server's own default. */
  readonly requestTimeoutMs: number
  /** How often a watch that asked for bookmarks gets one: the API server's own default. */
  readonly bookmarkMs: number
  /** How long a watch without its own timeout lasts: the shortest of the API server's own. */
  readonly watchTimeoutMs: number
  /** The longest accepted body: the API server's own limit. */
  readonly maxBodyBytes: number
  /** The namespaces that exist from the beginning. */
  readonly namespaces: readonly string[]
  readonly clock: Clock
  readonly identity: Identity
  /** The address of a webhook's `clientConfig.service`; undefined if it is not known. */
  readonly resolveService: ResolveService
  /** The log of the container before the one that runs in a pod; undefined: there was none. */
  readonly previousLog: PreviousLog
  /** Webhooks without a registration. */
  readonly ownWebhooks: readonly OwnWebhook[]
}

/** The identity of a user who sends no credentials. */
const defaultOptions: ApiServerOptions = {
  host: '127.0.0.1',
  port: 0,
  historySize: 5000,
  requestTimeoutMs: 60_000,
  bookmarkMs: 60_000,
  watchTimeoutMs: 30 * 60_000,
  maxBodyBytes: 3 * 1024 * 1024,
  // A guard outside a pod keeps its Leases in `holdfast`.
  namespaces: ['default', 'holdfast', 'longhorn-system'],
  clock: systemClock,
  identity: randomIdentity,
  resolveService: () => undefined,
  previousLog: () => undefined,
  ownWebhooks: [],
}

/**
 * The API server of the embedded cluster: enough of Kubernetes for kubectl, and for guards that register with
 * it.
 */
export class ApiServer {
  /** Where it listens, `http://127.0.0.1:…`. */
  readonly url: string
  readonly #server: Server
  readonly #modules: ClientModules
  readonly #endRequests: () => void
  #restarted: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  private constructor(url: string, server: Server, modules: ClientModules, endRequests: () => void) {
    this.url = url
    this.#server = server
    this.#modules = modules
    this.#endRequests = endRequests
  }

  /** Starts an empty one that has only its namespaces. @throws Error if it cannot listen on the port */
  static async start(options: Partial<ApiServerOptions> = {}): Promise<ApiServer> {
    const all = { ...defaultOptions, ...options }
    const { clock, identity, requestTimeoutMs, maxBodyBytes } = all
    const store = new Store(all.historySize)
    const caller = new WebhookCaller(clock, all.resolveService)
    const admission = new Admission(store, caller, identity, all.ownWebhooks)
    const writes = new Writes({ store, admission, clock, identity })
    const deletes = new Deletes({ store, admission, clock, identity })
    const reads = new ReadRequests({
      store,
      clock,
      bookmarkMs: all.bookmarkMs,
      watchTimeoutMs: all.watchTimeoutMs,
    })
    const uptime = new Uptime()
    const modules = { store, writes, deletes, clock, requestTimeoutMs, uptime }
    for (const name of all.namespaces) addNamespace(store, name, all)

    const http = { ...modules, reads, maxBodyBytes, previousLog: all.previousLog }
    const server = createServer((request, response) => void answerHttp(http, request, response))
    new LastAnswers({ inWords: lastAnswer, timers: clock }).watch(server)
    // client-go keeps an idle connection for 90 s, and does not repeat a POST on one that was just closed.
    server.keepAliveTimeout = 120_000
    server.listen(all.port, all.host)
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' && address ? address.port : all.port
    const host = all.host.includes(':') ? `[${all.host}]` : all.host
    return new ApiServer(`http://${host}:${port}`, server, modules, () => {
      uptime.end()
      reads.stop()
      caller.close()
    })
  }

  /** The API from within the process, as one user. */
  client(user: User): ClusterClient {
    return new InProcessClient(this.#modules, user)
  }

  /**
   * Calls the listener after each later commit of a resource, in order and never within one. Errors of the
   * listener are not caught.
   *
   * @returns ends the subscription
   * @throws ApiError 404 for an unknown resource
   */
  subscribe(resource: ResourceName, listener: (event: ObjectEvent) => void): () => void {
    const facts = findResource(resource)
    if (!facts) throw noSuchPath(`${resource.group}/${resource.version} ${resource.plural}`)
    return this.#modules.store.subscribe(facts, ({ type, object }) => listener({ type, object }))
  }

  /** Opens a watch within the process. A restart breaks it, like a watch over HTTP. */
  readonly watch: Watch = (resource, namespace, sink) => {
    const { store, uptime } = this.#modules
    const facts = findResource(resource)
    if (!facts) throw noSuchPath(`${resource.group}/${resource.version} ${resource.plural}`)
    uptime.assertServing()
    return openWatch(store, facts, namespace, uptime.signal, sink)
  }

  /**
   * Stops and starts again at the same address with the same objects. Every watch breaks, every request in
   * progress fails, and no watch can resume: a new API server knows nothing older than its own first list.
   *
   * @param awayMs how long it is down
   * @throws Error if another program has taken the port meanwhile
   */
  async restart(awayMs = 0): Promise<void> {
    this.#restarted = this.#restarted.then(() => this.#restart(awayMs))
    return this.#restarted
  }

  /** Ends every watch, every webhook call and every connection. May be called more than once. */
  async stop(): Promise<void> {
    this.#stopped ??= this.#restarted.then(() => this.#end())
    return this.#stopped
  }

  async #restart(awayMs: number): Promise<void> {
    const { store, clock, uptime } = this.#modules
    if (this.#stopped) return
    await this.#end()
    if (awayMs > 0) await new Promise<void>((resolve) => clock.setTimer(awayMs, resolve))
    store.forgetHistory()
    const { hostname, port } = new URL(this.url)
    this.#server.listen(Number(port), hostname.replace(/^\[|\]$/g, ''))
    await once(this.#server, 'listening')
    uptime.begin()
  }

  async #end(): Promise<void> {
    this.#endRequests()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

function addNamespace(store: Store, name: string, { clock, identity }: ApiServerOptions): void {
  const target = { resource: namespaces, namespace: '', name, subresource: undefined }
  const wanted = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
  const fresh = { uid: identity.uid(), now: timestamp(clock.now()), suffix: '' }
  store.create(namespaces, prepareCreate(target, wanted, fresh))
}
