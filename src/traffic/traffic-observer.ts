import type { BodyCut } from './bodies-under-way.ts'
import type { ConnectionClosed } from './connection-limit.ts'

/** Watches what the limits of one port close and cut. */
export interface TrafficObserver {
  closed(why: ConnectionClosed): void
  cut(why: BodyCut): void
}
