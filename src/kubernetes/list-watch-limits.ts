import { defaultBackOffLimits, type BackOffLimits } from './back-off.ts'

/** The numbers of a list-watch. */
export interface ListWatchLimits {
  /** Objects in a page of a list. 500: 30 ms of the event loop; 10,000 at once take 250 ms. */
  readonly pageSize: number
  /** No headers for so long: given up. */
  readonly headersTimeoutMs: number
  /**
   * Nothing has shown for so long that the copy is current: it is listed anew. Longer than the minute between two
   * bookmarks; but a resource that nobody writes gets them only where etcd tells its progress, which is a flag of
   * etcd (measured on kube-apiserver 1.36.2: not a byte in 400 s).
   */
  readonly idleTimeoutMs: number
  /** A watch is asked to end after a random time between these two, so that not all end together. */
  readonly minWatchSeconds: number
  readonly maxWatchSeconds: number
  /** A watch that ends sooner did no good; client-node's informer made 1,500 such watches a second. */
  readonly briefWatchMs: number
  /** So many restarts at once are made without a watch that did good in between; then the back-off applies. */
  readonly restartsAtOnce: number
  readonly backOff: BackOffLimits
}

/** The reasons stand at the fields. */
export const defaultListWatchLimits: ListWatchLimits = {
  pageSize: 500,
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 90_000,
  minWatchSeconds: 300,
  maxWatchSeconds: 600,
  briefWatchMs: 5_000,
  restartsAtOnce: 3,
  backOff: defaultBackOffLimits,
}
