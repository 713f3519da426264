import { Counter, Gauge, type Registry } from 'prom-client'

/** What a proxy's metrics are read from. */
export interface ProxySources {
  /** How many connections were switched to another protocol, and still are. */
  readonly tunnels: () => number
}

/** Counts what comes to a proxy, and what could not be passed on. */
export class ProxyMetrics {
  readonly #failures: Counter<'status'>
  readonly #unknown: Counter<'why'>
  /** Looked up once: this is counted for each request. */
  readonly #requests: Readonly<Record<'passed' | 'judged' | 'upgrade', { inc(): void }>>

  constructor(registry: Registry, { tunnels }: ProxySources) {
    const registers = [registry]
    const requests = new Counter({
      name: 'holdfast_proxy_requests_total',
      help: 'Requests that came to the proxy: just passed on, judged first, or asking for another protocol.',
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
      help: 'Requests that could not be passed on, by the status that was answered: the upstream is down (502) or slow (504), or the write was admitted too long ago (503).',
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
