import { defaultProxyOptions, type ProxyDoor, type ProxyOptions } from '../../src/doors/proxy/door.ts'
import { KubernetesDoor } from '../../src/doors/proxy/kubernetes/door.ts'
import { WhoIs } from '../../src/doors/proxy/kubernetes/who-is.ts'
import { LonghornDoor } from '../../src/doors/proxy/longhorn/door.ts'
import { ProxyServer } from '../../src/doors/proxy/proxy-server.ts'
import { ask, type Upstream } from '../../src/doors/proxy/relay.ts'
import type { JudgedKind } from '../../src/rules/change.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { subscribeToLonghorn } from '../../src/sandbox/controllers/cluster-view.ts'
import { longhornServiceAccount, resources } from '../../src/sandbox/controllers/resources.ts'
import { RestServer } from '../../src/sandbox/longhorn-rest/rest-server.ts'
import { agentFor } from '../../src/server/proxy-server.ts'
import { nobody } from '../doors/proxy/nobody.ts'
import { anyCluster } from './any-cluster.ts'
import { anyKubernetesRequest, anyLonghornRequest } from './any-request.ts'
import { newlyCrashing, releasesTried } from './crash-oracle.ts'
import { type Exchanged, Line, type Saying } from './exchange.ts'
import { JudgedCluster, type JudgedOptions } from './judged-cluster.ts'
import type { Measured } from './measured-cases.ts'
import type { Random } from './random.ts'
import { fieldsAt, keyOf, type RawObject, type RawObjects } from './raw.ts'
import type { Surprises } from './surprises.ts'
import { Violation } from './violation.ts'

const judgedKinds = [
  'Node',
  'BackingImage',
  'BackingImageDataSource',
] as const satisfies readonly JudgedKind[]
const namespace = 'longhorn-system'
const administrator = { username: 'admin', groups: ['system:masters'] }

/** Both proxies before an embedded cluster, another one for each batch. No controller works in it. */
export class Proxies {
  readonly #surprises: Surprises
  readonly #options: JudgedOptions

  constructor(surprises: Surprises, options: JudgedOptions) {
    this.#surprises = surprises
    this.#options = options
  }

  /**
   * Sends requests to one cluster, one after the other, each checked.
   *
   * @param measured called with each, to be measured
   * @throws Violation
   */
  async batch(random: Random, measured: Measured, count: number): Promise<void> {
    const world = await ProxiedCluster.start(random, this.#surprises, this.#options)
    try {
      for (let at = 0; at < count; at += 1) {
        await world.step(random)
        await measured(() => world.ask(random))
      }
    } finally {
      await world.stop()
    }
  }
}

/** An embedded cluster behind both proxies, with the gate that both of them have in common. */
class ProxiedCluster {
  readonly #api: ApiServer
  readonly #rest: RestServer
  readonly #judged: JudgedCluster
  readonly #proxies: Proxied[] = []
  readonly #lines = { kubernetes: new Line(), longhorn: new Line() }
  readonly #unsubscribe: (() => void)[]

  private constructor(api: ApiServer, rest: RestServer, judged: JudgedCluster) {
    this.#api = api
    this.#rest = rest
    this.#judged = judged
    this.#unsubscribe = judgedKinds.map((kind) =>
      api.subscribe(resources[kind], ({ type, object }) => {
        if (type === 'DELETED') judged.remove(object)
        else if (!judged.put(object))
          judged.problems.push(`what is stored cannot be read: ${JSON.stringify(object)}`)
      }),
    )
  }

  static async start(random: Random, surprises: Surprises, options: JudgedOptions): Promise<ProxiedCluster> {
    const made = anyCluster(random, true)
    const api = await ApiServer.start()
    const client = api.client(administrator)
    const stored = new Map<string, RawObject>()
    for (const object of made.objects.values()) {
      const kind = object.kind as JudgedKind
      const { name, finalizers } = object.metadata
      const { status, ...main } = object
      const metadata = { name, namespace, ...(finalizers !== undefined && { finalizers }) }
      const created = await client.create(resources[kind], { ...main, metadata } as ClusterObject)
      const whole = await client.updateStatus(resources[kind], { ...created, status })
      stored.set(keyOf(kind, name), whole)
    }
    const judged = new JudgedCluster({ ...made, objects: stored }, options)
    const rest = await RestServer.start(
      {
        client: api.client(longhornServiceAccount(namespace)),
        namespace,
        subscribe: subscribeToLonghorn((resource, listener) => api.subscribe(resource, listener)),
      },
      0,
    )
    const world = new ProxiedCluster(api, rest, judged)
    await world.#serve(surprises)
    return world
  }

  async stop(): Promise<void> {
    for (const end of this.#unsubscribe) end()
    for (const line of Object.values(this.#lines)) line.close()
    await Promise.all(this.#proxies.map((each) => each.stop()))
    await this.#rest.stop()
    await this.#api.stop()
    await this.#judged.stop()
  }

  /** Time passes, and now and then a clean-up ends. */
  async step(random: Random): Promise<void> {
    this.#judged.clock.advance(random.below(1_000))
    if (!random.chance(0.15)) return
    const client = this.#api.client(administrator)
    for (const image of await client.list(resources.BackingImage, namespace)) {
      const [wanted, there] = [
        fieldsAt(image, 'spec', 'diskFileSpecMap'),
        fieldsAt(image, 'status', 'diskFileStatusMap'),
      ]
      const left = Object.entries(there).filter(([disk]) => Object.hasOwn(wanted, disk))
      await client.updateStatus(resources.BackingImage, {
        ...image,
        status: { diskFileStatusMap: Object.fromEntries(left) },
      })
    }
  }

  /** Sends one request, and checks the answer and the cluster. @throws Violation */
  async ask(random: Random): Promise<Buffer> {
    const { objects, release, problems } = this.#judged
    const which = random.oneOf(['kubernetes', 'longhorn'] as const)
    const make = which === 'kubernetes' ? anyKubernetesRequest : anyLonghornRequest
    const request = make(objects, random)
    const before = new Map(objects)
    const came = await this.#lines[which].exchange(request)
    checkExchange(which, request, came)
    const [crashing] = newlyCrashing(before, withStatusOf(before, objects), releasesTried.get(release) ?? 'A')
    if (crashing !== undefined) {
      const law = `a write went through the proxy before ${which} that crashes the manager of ${crashing} on ${release ?? 'an unknown release'}`
      throw new Violation(
        `${law}\nbefore: ${JSON.stringify([...before])}\nafter: ${JSON.stringify([...objects])}`,
        request.bytes,
      )
    }
    const [problem] = problems
    if (problem !== undefined) throw new Violation(problem, request.bytes)
    return request.bytes
  }

  async #serve({ logger }: Surprises): Promise<void> {
    const stopping = new AbortController().signal
    const judged = this.#judged
    const shared = {
      decide: judged.gate.decide.bind(judged.gate),
      enforces: true,
      denied: judged.trail.denied.bind(judged.trail),
      onProblem: (error: unknown) => void judged.problems.push(`a write was not judged: ${String(error)}`),
      read: <K extends JudgedKind>(kind: K, name: string) => Promise.resolve(judged.one(kind, name)),
      known: <K extends JudgedKind>(kind: K, name: string) => judged.one(kind, name),
    }
    const longhorn = new Proxied(
      this.#rest.url,
      logger,
      () => new LonghornDoor({ holdMs: 0, userHeader: undefined }, shared),
    )
    const kubernetes = new Proxied(this.#api.url, logger, (asking) => {
      const who = new WhoIs({ ask: asking, now: () => judged.clock.monotonic(), onUnknown: () => undefined })
      const whoIs = (headers: readonly string[]) => who.find(headers)
      return new KubernetesDoor(
        { longhornNamespace: namespace, holdMs: 0 },
        { ...shared, ask: asking, whoIs, stopping },
      )
    })
    this.#proxies.push(longhorn, kubernetes)
    this.#lines.longhorn.port = await longhorn.start()
    this.#lines.kubernetes.port = await kubernetes.start()
  }
}

type Asking = (outgoing: Parameters<typeof ask>[1], signal: AbortSignal) => ReturnType<typeof ask>

/** One proxy before one API. */
class Proxied {
  readonly #agent: ReturnType<typeof agentFor>
  readonly #server: ProxyServer

  constructor(url: string, log: Surprises['logger'], doorOf: (asking: Asking) => ProxyDoor) {
    const server = new URL(url)
    const agent = agentFor(server)
    const upstream: Upstream = { server, host: undefined, options: () => ({ agent }) }
    const options: ProxyOptions = {
      ...defaultProxyOptions,
      drainMs: 0,
      host: '127.0.0.1',
      port: 0,
      tls: undefined,
    }
    const door = doorOf((outgoing, signal) => ask(upstream, outgoing, options, signal))
    this.#agent = agent
    this.#server = new ProxyServer(options, { upstream, door, log, observer: nobody })
  }

  async start(): Promise<number> {
    return await this.#server.start()
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    await this.#server.close()
  }
}

function checkExchange(which: string, { bytes, isWhole }: Saying, came: Exchanged): void {
  if (came.state === 'broken')
    throw new Violation(`the answer of the proxy before ${which} is broken: ${came.why}`, bytes)
  if (came.state === 'silent')
    throw new Violation(`the proxy before ${which} neither answers nor closes`, bytes)
  if (isWhole && (came.state !== 'whole' || came.statuses.length === 0))
    throw new Violation(`the proxy before ${which} does not answer: ${came.state}`, bytes)
  if (came.state === 'whole' && came.statuses.some((status) => status === 500 && which === 'kubernetes'))
    throw new Violation(`the proxy before ${which} answers 500: ${came.lastBody.toString()}`, bytes)
}

/**
 * The written object, with its earlier status: writes of status are not judged, since they are Longhorn's.
 */
function withStatusOf(before: RawObjects, after: RawObjects): RawObjects {
  const seen = [...after].flatMap(([key, object]): [string, RawObject][] => {
    const was = before.get(key)
    // An object that is being deleted passes, since a denial would block an uninstall.
    if (was?.metadata.deletionTimestamp !== undefined) return [[key, was]]
    return [[key, { ...object, status: was?.metadata.uid === object.metadata.uid ? was?.status : {} }]]
  })
  return new Map(seen)
}
