import type { BodyCut } from './bodies-under-way.ts'
import type { ConnectionClosed } from './connection-limit.ts'

/**
 * Why a body was not read: it is larger than any that is needed, has more values, or came too slowly; or too many waited for
 * their turn to be read.
 */
export type BodyRefused = 'too-large' | 'too-many-values' | 'too-slow' | 'busy'

/** Watches what the limits of one port close, cut and refuse. */
export interface TrafficObserver {
  closed(why: ConnectionClosed): void
  cut(why: BodyCut): void
  refused(why: BodyRefused): void
}
