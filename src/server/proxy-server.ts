import http from 'node:http'
import https from 'node:https'
import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { Health } from '../doors/http/health.ts'
import { CannotListen } from '../doors/http/listen.ts'
import { defaultProxyOptions, type ProxyDoor, type ProxyOptions } from '../doors/proxy/door.ts'
import { KubernetesDoor } from '../doors/proxy/kubernetes/door.ts'
import type { DryRunnerModules } from '../doors/proxy/kubernetes/dry-run.ts'
import { WhoIs } from '../doors/proxy/kubernetes/who-is.ts'
import { LonghornDoor } from '../doors/proxy/longhorn/door.ts'
import { ProxyServer } from '../doors/proxy/proxy-server.ts'
import { ask, type Upstream } from '../doors/proxy/relay.ts'
import type { UnjudgedWrite } from '../gate/ports.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { shownUrl } from '../kubernetes/client/url.ts'
import { ApiReads } from '../kubernetes/quorum-reads.ts'
import { ProblemLog, UnknownCallers } from '../observability/problem-log.ts'
import { ProxyMetrics } from '../observability/request-metrics.ts'
import type { JudgedKind } from '../rules/change.ts'
import { enforcesAnything } from '../rules/policy.ts'
import { systemClock, within } from '../time/clock.ts'
import type { CertificateSource } from '../tls/folder.ts'
import type { Reload } from '../tls/reload.ts'
import { checkCertificate, type PemPair, type ServingCertificate } from '../tls/stored.ts'
import { reloadCertificates } from './certificates.ts'
import { DecisionCore } from './decision-core.ts'
import type { DecisionCoreModules } from './observers.ts'

/** Which API a proxy stands in front of. */
export type ProxyOf =
  | { readonly api: 'longhorn'; readonly userHeader: string | undefined }
  /**
   * `localOnly` for a proxy that lends its own credentials: it answers only requests that name this machine.
   */
  | { readonly api: 'kubernetes'; readonly localOnly: boolean }

/** The options of a proxy, besides the configuration of the guard. */
export type ProxyGuardOptions = Pick<ProxyOptions, 'host' | 'port' | 'tls'> &
  Partial<ProxyOptions> &
  ProxyOf & {
    /** How long it still takes requests after it stops being ready, in milliseconds; default 0. */
    readonly lingerMs?: number
  }

/** The parts of a proxy. */
interface ProxyGuardModules extends Omit<DecisionCoreModules, 'certificate'> {
  readonly upstream: Upstream
  /** The source of later certificates; without it, the first is served for ever. Stopped with the proxy. */
  readonly certificates?: CertificateSource
  /** A health server that already listens; by default it starts with the proxy. Closed with it. */
  readonly health?: Health
}

/** The ports of a proxy. */
interface ProxyPorts {
  readonly port: number
  readonly healthPort: number
  /** On 127.0.0.1, for people's commands. */
  readonly operatorPort: number
}

/** The parts of a door before an API. */
interface DoorModules {
  readonly upstream: Upstream
  readonly connection: Connection
  readonly metrics: ProxyMetrics
}

/** A whole proxy: the decision core with a validating proxy in front. */
export class ProxyGuard {
  readonly #core: DecisionCore
  readonly #proxy: ProxyServer
  readonly #health: Health
  readonly #configuration: Configuration
  /** For health too: a proxy for this machine alone serves nothing to others. */
  readonly #host: string
  readonly #port: number
  readonly #log: Logger
  readonly #server: string
  readonly #reload: Reload<PemPair> | undefined
  readonly #lingerMs: number
  readonly #stopping = new AbortController()

  /** Begins to read Longhorn's objects. @throws UnusableCertificate */
  constructor(configuration: Configuration, options: ProxyGuardOptions, modules: ProxyGuardModules) {
    const { upstream, log, connection, certificates } = modules
    const { tls, lingerMs = 0 } = options
    // First, since a running feed has to be stopped.
    if (tls) checkCertificate(tls)
    let served: ServingCertificate | undefined = tls
    this.#lingerMs = lingerMs
    this.#configuration = configuration
    this.#host = options.host
    this.#port = options.port
    this.#log = log
    this.#server = shownUrl(upstream.server)
    const all = { ...defaultProxyOptions, ...options }
    this.#core = new DecisionCore(configuration, {
      ...modules,
      // A write may be committed as long as the upstream may take to forward it.
      commitMs: all.answerMs + configuration.commitMs,
      ...(served && { certificate: () => served?.cert ?? '' }),
    })
    const { registry, traffic } = this.#core
    const metrics = new ProxyMetrics(registry, { tunnels: () => this.#proxy.tunnels })
    this.#proxy = new ProxyServer(all, {
      upstream,
      door: this.#door(all, { upstream, connection, metrics }),
      log,
      observer: metrics,
      traffic: traffic.at('proxy'),
    })
    const serve = (certificate: ServingCertificate): void => {
      checkCertificate(certificate)
      this.#proxy.setCertificate(certificate)
      served = certificate
    }
    this.#reload = tls && certificates && reloadCertificates(tls, { source: certificates, serve, log })
    this.#health = modules.health ?? new Health(registry)
    this.#health.answerFrom({
      unready: () => this.#core.unready,
      leaving: () => this.#stopping.signal.aborted,
      traffic: traffic.at('health'),
    })
  }

  /** Listens. Until every object is read, the door does not allow arming changes. @throws CannotListen */
  async start(): Promise<ProxyPorts> {
    const { healthPort } = this.#configuration
    try {
      const operatorPort = await this.#core.start()
      const health = await this.#health.listen(this.#host, healthPort)
      const port = await this.#proxy.start().catch((cause: unknown) => {
        throw new CannotListen('the proxy', this.#host, this.#port, cause)
      })
      const ports = { port, healthPort: health, operatorPort }
      this.#log.info({ ...ports, upstream: this.#server }, 'listening')
      return ports
    } catch (error) {
      await Promise.all([this.#health.close(), this.#reload?.stop()])
      await this.#core.stop()
      throw error
    }
  }

  /** Resolves once every Longhorn object was read. @throws the signal's reason */
  async whenSynced(signal: AbortSignal): Promise<void> {
    await this.#core.whenSynced(signal)
  }

  /** Reopens the audit file after a SIGHUP. */
  reopen(): void {
    this.#core.trail.reopen()
  }

  /**
   * Stops being ready, takes requests for another `lingerMs`, answers all of them, then disconnects from the
   * cluster.
   */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#core.gate.stopHolding()
    if (this.#lingerMs > 0) {
      await new Promise<void>((resolve) => systemClock.setTimer(this.#lingerMs, resolve))
    }
    await this.#proxy.close()
    await this.#health.close()
    await this.#reload?.stop()
    await this.#core.stop()
    this.#log.info('stopped')
  }

  #door(options: ProxyOptions & ProxyOf, { upstream, connection, metrics }: DoorModules): ProxyDoor {
    const { gate, map, trail } = this.#core
    const { policy, maxHoldMs: holdMs } = this.#configuration
    const { longhornNamespace } = policy
    const reads = new ApiReads(connection, longhornNamespace)
    const enforces = enforcesAnything(policy)
    const denied = (write: UnjudgedWrite, withinMs: number) => trail.denied(write, withinMs)
    const read = <K extends JudgedKind>(kind: K, name: string, signal: AbortSignal) =>
      reads.object(kind, name, within(readMs, signal))
    const problems = new ProblemLog(this.#log, systemClock)
    const onProblem = (error: unknown): void => problems.error({ err: error }, 'a write was not judged')
    const shared = { decide: gate.decide, enforces, denied, onProblem }
    if (options.api === 'longhorn') {
      const { userHeader } = options
      return new LonghornDoor(
        { holdMs, userHeader: userHeader?.toLowerCase() },
        {
          ...shared,
          read,
          known: (kind, name) => (kind === 'Node' ? map.node(name) : map.image(name)),
        },
      )
    }
    const asking: DryRunnerModules['ask'] = (outgoing, signal) => ask(upstream, outgoing, options, signal)
    const callers = new UnknownCallers(metrics, this.#log, () => performance.now())
    const who = new WhoIs({
      ask: asking,
      now: () => performance.now(),
      onUnknown: (why, error) => callers.seen(why, error),
    })
    return new KubernetesDoor(
      { longhornNamespace, holdMs },
      {
        ...shared,
        read,
        known: (kind, name) => map.object(kind, name),
        ask: asking,
        whoIs: (headers) => who.find(headers),
        stopping: this.#stopping.signal,
      },
    )
  }
}

/** Limit for an answer of the API server, in milliseconds. */
const readMs = 10_000

/** Connections to an upstream, kept as long as load balancers keep them. */
export function agentFor(server: URL): http.Agent {
  const options = { keepAlive: true, timeout: 50_000, maxFreeSockets: 256 }
  return server.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
}
