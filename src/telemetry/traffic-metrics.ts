import { Counter, type Registry } from 'prom-client'
import type { Logger } from 'pino'
import type { BodyCut } from '../traffic/bodies-under-way.ts'
import type { ConnectionClosed } from '../traffic/connection-limit.ts'
import type { BodyRefused, TrafficObserver } from '../traffic/traffic-observer.ts'
import { Repeats } from './repeats.ts'

/** Which of the ports of a guard or a proxy. */
export type Port = 'reviews' | 'proxy' | 'health' | 'operator'

/** A limit that closes one connection closes thousands; one line a minute tells of them, in milliseconds. */
const tellEveryMs = 60_000

/** Counts what the limits of connections and bodies close, cut and refuse, and says so once. */
export class TrafficMetrics {
  readonly #log: Logger
  readonly #now: () => number
  readonly #repeats = new Repeats(tellEveryMs)
  readonly #closed: Counter<'port' | 'why'>
  readonly #cut: Counter<'port' | 'why'>
  readonly #refused: Counter<'port' | 'why'>

  /** @param now milliseconds by a clock that is never set */
  constructor(registry: Registry, log: Logger, now: () => number) {
    this.#log = log
    this.#now = now
    const registers = [registry]
    const labelNames = ['port', 'why'] as const
    this.#closed = new Counter({
      name: 'holdfast_connections_closed_total',
      help: 'Connections that were closed because there were too many, by port: idle or busy ones that made room, and refused ones.',
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
      help: 'Request bodies that were not read, by port: too large, too slow, with too many values, or too many at once.',
      labelNames,
      registers,
    })
  }

  /** What watches the limits of one port. */
  at(port: Port): TrafficObserver {
    return {
      closed: (why) => this.#connectionClosed(port, why),
      cut: (why) => this.#bodyCut(port, why),
      refused: (why) => this.#bodyRefused(port, why),
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

  #say(fields: { readonly port: Port; readonly why: string }, text: string): void {
    const repeat = this.#repeats.see(`${text} ${fields.port} ${fields.why}`, this.#now())
    if (!repeat.told) return
    this.#log.warn({ ...fields, ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}) }, text)
  }
}
