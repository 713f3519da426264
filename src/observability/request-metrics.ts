import type { Logger } from 'pino'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { BodyCut } from '../doors/http/bodies-under-way.ts'
import type { BodyRefused, ConnectionClosed, TrafficObserver } from '../doors/http/connection-limit.ts'
import { Throttle } from './log.ts'

/** The sources of the webhook's metrics. */
interface WebhookSources {
  /** How many answers were delayed, since the start. */
  readonly delayedRefusals: () => number
  /** The clients that it authenticates; absent if it asks for no certificate. */
  readonly callers?: () => CallerCounts | undefined
}

/** The clients and their certificates. */
interface CallerCounts {
  /** How many were rejected, by the reason. */
  readonly refused: ReadonlyMap<string, number>
  /** The last accepted one, and when its certificate ends, in milliseconds since the epoch. */
  readonly last: { readonly until: number } | undefined
}

/** Registers the metrics of the webhook itself. */
export function webhookMetrics(registry: Registry, { delayedRefusals, callers }: WebhookSources): void {
  const registers = [registry]
  new Counter({
    name: 'holdfast_delayed_refusals_total',
    help: 'Denials of requests that Longhorn’s own account repeated; these answers come up to a second later.',
    registers,
    collect() {
      this.reset()
      this.inc(delayedRefusals())
    },
  })
  new Counter({
    name: 'holdfast_refused_callers_total',
    help: 'Requests to the webhook that were rejected unread, by the fault of the client certificate.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, count] of callers?.()?.refused ?? []) this.inc({ reason }, count)
    },
  })
  new Gauge({
    name: 'holdfast_client_certificate_expiry_timestamp_seconds',
    help: 'When the client certificate that was accepted last expires, or that of who signed it, as Unix time; NaN before one was.',
    registers,
    collect() {
      this.set((callers?.()?.last?.until ?? NaN) / 1_000)
    },
  })
}

/** The sources of a proxy's metrics. */
interface ProxySources {
  /** How many connections use another protocol now. */
  readonly tunnels: () => number
}

/** Counts the requests of a proxy, and those that it could not forward. */
export class ProxyMetrics {
  readonly #failures: Counter<'status'>
  readonly #unknown: Counter<'why'>
  /** Looked up once, since each request is counted. */
  readonly #requests: Readonly<Record<'passed' | 'judged' | 'upgrade', { inc(): void }>>

  constructor(registry: Registry, { tunnels }: ProxySources) {
    const registers = [registry]
    const requests = new Counter({
      name: 'holdfast_proxy_requests_total',
      help: 'Requests to the proxy: just forwarded, judged first, or asking for another protocol.',
      labelNames: ['kind'],
      registers,
    })
    this.#requests = {
      passed: requests.labels('passed'),
      judged: requests.labels('judged'),
      upgrade: requests.labels('upgrade'),
    }
    this.#failures = new Counter({
      name: 'holdfast_proxy_failures_total',
      help: 'Requests that could not be forwarded, by the status of the answer: the upstream is down (502) or slow (504), or the write was allowed too long ago (503).',
      labelNames: ['status'],
      registers,
    })
    this.#unknown = new Counter({
      name: 'holdfast_proxy_unknown_callers_total',
      help: 'Requests whose caller the API server does not accept (stranger), does not name (nameless), or could not be asked about (untold).',
      labelNames: ['why'],
      registers,
    })
    new Gauge({
      name: 'holdfast_proxy_upgraded_connections',
      help: 'Connections that were switched to another protocol and are open: WebSocket, exec, port-forward.',
      registers,
      collect() {
        this.set(tunnels())
      },
    })
  }

  came(kind: 'passed' | 'judged' | 'upgrade'): void {
    this.#requests[kind].inc()
  }

  unknownCaller(why: 'stranger' | 'nameless' | 'untold'): void {
    this.#unknown.inc({ why })
  }

  failed(status: number): void {
    this.#failures.inc({ status })
  }
}

/** The port of a guard or a proxy. */
type Port = 'reviews' | 'proxy' | 'health' | 'operator'

/** A limit that closes one connection closes thousands; they get one line a minute, in milliseconds. */
const logEveryMs = 60_000

/** Counts the effects of the limits of connections and bodies, and logs a summary. */
export class TrafficMetrics {
  readonly #log: Logger
  readonly #now: () => number
  readonly #throttle = new Throttle(logEveryMs)
  readonly #closed: Counter<'port' | 'why'>
  readonly #cut: Counter<'port' | 'why'>
  readonly #refused: Counter<'port' | 'why'>
  readonly #passed: Counter<'port' | 'why'>

  /** @param now milliseconds by a clock that is never set */
  constructor(registry: Registry, log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
    const registers = [registry]
    const labelNames = ['port', 'why'] as const
    this.#closed = new Counter({
      name: 'holdfast_connections_closed_total',
      help: 'Connections that were closed because there were too many, by port: idle or busy ones that made room, refused ones, and those with too many requests in flight (pipelined).',
      labelNames,
      registers,
    })
    this.#cut = new Counter({
      name: 'holdfast_bodies_cut_total',
      help: 'Request bodies that made room because too many bytes were in memory, by port: late or arriving ones, and kept ones of requests that waited.',
      labelNames,
      registers,
    })
    this.#refused = new Counter({
      name: 'holdfast_bodies_refused_total',
      help: 'Request bodies that were not read, and whose requests were refused, by port: too large, too slow, with too many values, or too many at once.',
      labelNames,
      registers,
    })
    this.#passed = new Counter({
      name: 'holdfast_bodies_passed_unread_total',
      help: 'The same where nothing is enforced (mode: warn): their requests passed unjudged.',
      labelNames,
      registers,
    })
  }

  /** The observer of the limits of one port. */
  at(port: Port): TrafficObserver {
    return {
      closed: (why) => this.#connectionClosed(port, why),
      cut: (why) => this.#bodyCut(port, why),
      refused: (why) => this.#bodyRefused(port, why),
      passed: (why) => this.#bodyPassed(port, why),
    }
  }

  #connectionClosed(port: Port, why: ConnectionClosed): void {
    this.#closed.inc({ port, why })
    this.#say({ port, why }, 'connections are closed, since there are too many')
  }

  #bodyCut(port: Port, why: BodyCut): void {
    this.#cut.inc({ port, why })
    this.#say({ port, why }, 'requests are cut off, since their bodies take too much memory')
  }

  #bodyRefused(port: Port, why: BodyRefused): void {
    this.#refused.inc({ port, why })
    this.#say({ port, why }, 'bodies of requests are not read, since they are above a limit')
  }

  #bodyPassed(port: Port, why: BodyRefused): void {
    this.#passed.inc({ port, why })
    this.#say(
      { port, why },
      'requests pass unread, since their bodies are above a limit and nothing is enforced',
    )
  }

  #say(fields: { readonly port: Port; readonly why: string }, text: string): void {
    const repeat = this.#throttle.see(`${text} ${fields.port} ${fields.why}`, this.#now())
    if (!repeat.passes) return
    this.#log.warn({ ...fields, ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}) }, text)
  }
}
