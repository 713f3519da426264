import type { Parsed } from '../../json/schema.ts'
import { type Clock, pause } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import type { ApiRequest } from '../client/exchange.ts'
import { type ApiFailure, isForbidden } from '../client/failures.ts'
import { ListWatch } from '../watch/list-watch.ts'
import {
  anchorCollection,
  anchorName,
  type AnchorPlace,
  bookNamespaceOf,
  deleteAnchor,
  makeAnchor,
} from './book-anchor.ts'

/**
 * Whether this door writes in the same book as the others:
 *
 * - `unknown`: the anchor was not read yet, or it is missing and cannot be created. The door reserves
 *   nothing, since another door may name another namespace.
 * - `here`: the anchor names the namespace of this door.
 * - `elsewhere`: the anchor names another namespace. The door reserves nothing.
 * - `forbidden`: this door may not read the anchor. It goes on with the namespace that its administrator
 *   named. Roles of older charts lack this right, and a stop would leave the cluster without its guard.
 */
export const anchorStates = ['unknown', 'here', 'elsewhere', 'forbidden'] as const

/** One of the {@link anchorStates}. */
export type AnchorState = (typeof anchorStates)[number]

/** The parts that following an anchor needs. */
interface FollowedAnchorOptions extends AnchorPlace {
  /** The namespace of this door's book. */
  readonly namespace: string
  readonly clock: Clock
  /** Called for each new state, with a sentence for people if the door cannot work in it. */
  readonly onState: (state: AnchorState, why: string | undefined) => void
}

/** How long to wait after a failed attempt to create the anchor, in milliseconds. */
const retryMs = 10_000

interface Seen {
  readonly namespace: Parsed<string>
}

/**
 * Follows the anchor, and creates it again after a deletion. The constructor starts it. It does not own the
 * connection.
 */
export class FollowedAnchor {
  readonly #options: FollowedAnchorOptions
  readonly #follower: ListWatch<Seen>
  readonly #stopping = new AbortController()
  /** Aborted once it is known whether this door may reserve. */
  readonly #known = new AbortController()
  #state: AnchorState = 'unknown'
  #why: string | undefined = `Lease ${anchorName} has not been read yet.`
  #seen: Seen | undefined
  #making: Promise<void> | undefined
  /** How often the anchor was seen to be gone. */
  #losses = 0

  constructor(options: FollowedAnchorOptions) {
    this.#options = options
    this.#follower = new ListWatch<Seen>({
      connection: options.connection,
      path: anchorCollection(options.longhornNamespace),
      only: anchorName,
      project: (object) => ({ namespace: bookNamespaceOf(object) }),
      onChange: ({ type, value }) => {
        this.#seen = type === 'deleted' ? undefined : value
        this.#look()
      },
      onSynced: () => this.#look(),
      onRecovered: () => this.#look(),
      onProblem: ({ error }) => this.#cannotRead(error),
      clock: options.clock,
    })
  }

  /** Whether this door writes in the same book as the others. */
  get state(): AnchorState {
    return this.#state
  }

  /** Why the book must not be written now, for people; undefined if it may. */
  get doubt(): string | undefined {
    return this.#state === 'here' || this.#state === 'forbidden' ? undefined : this.#why
  }

  /** Resolves at the first known state. @throws the signal's reason */
  async whenKnown(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#known.signal])
    if (!ended.aborted)
      await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }))
    signal.throwIfAborted()
  }

  /** The same connection, which refuses writes unless this is the book of all doors. */
  guarding(connection: Connection): Connection {
    const request = (asked: ApiRequest) => {
      const why = asked.method === 'GET' ? undefined : this.doubt
      return why === undefined ? connection.request(asked) : Promise.reject(new Error(why))
    }
    return { ...connection, request }
  }

  /** Resolves when no request is in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#follower.stop(), this.#making])
  }

  /** Judges the last version seen. */
  #look(): void {
    const { namespace, longhornNamespace } = this.#options
    if (this.#seen === undefined) {
      this.#losses += 1
      this.#become(
        'unknown',
        `Lease ${anchorName} in ${longhornNamespace} is gone; Holdfast creates it again.`,
      )
      this.#making ??= this.#make().finally(() => (this.#making = undefined))
      return
    }
    const says = this.#seen.namespace
    if (!says.ok)
      this.#become('unknown', `${says.problem}. ${deleteAnchor('To set it again', longhornNamespace)}`)
    else this.#agree(says.value, namespace)
  }

  #agree(says: string, namespace: string): void {
    if (says === namespace) this.#become('here', undefined)
    else this.#become('elsewhere', elsewhere(says, namespace, this.#options.longhornNamespace))
  }

  /** Repeats until the anchor exists, from this door or another. */
  async #make(): Promise<void> {
    const { namespace, clock } = this.#options
    const { signal } = this.#stopping
    const over = () => this.#seen !== undefined || signal.aborted
    while (!over()) {
      const losses = this.#losses
      try {
        const says = await makeAnchor(this.#options, namespace, signal)
        // If it was deleted while the answer came, it has to be created once more.
        if (this.#losses > losses) continue
        // The watch may have been quicker, and then it has the newer version.
        if (!over()) this.#agree(says, namespace)
        return
      } catch (error) {
        if (!over()) this.#stays(whyOf(error, this.#options.longhornNamespace))
      }
      await pause(clock, retryMs, signal)
    }
  }

  #cannotRead(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    if (!isForbidden(error)) this.#stays(why)
    // A right that is taken away does not undo the last known state.
    else if (this.#state !== 'elsewhere') this.#become('forbidden', why)
  }

  /** A failure other than a missing right to read says nothing about the anchor: the last state stays. */
  #stays(why: string): void {
    if (this.#state === 'unknown') this.#become('unknown', why)
  }

  #become(state: AnchorState, why: string | undefined): void {
    const news = state !== this.#state || why !== this.#why
    this.#state = state
    this.#why = why
    if (state !== 'unknown') this.#known.abort()
    if (news) this.#options.onState(state, why)
  }
}

/** Why the anchor was not created. */
function whyOf(error: unknown, longhornNamespace: string): string {
  if (isForbidden(error)) return mayNotMake(error, longhornNamespace)
  return error instanceof Error ? error.message : String(error)
}

/** The message for a missing anchor without the right to create it. */
export function mayNotMake({ message }: ApiFailure, longhornNamespace: string): string {
  return `There is no Lease ${anchorName} in ${longhornNamespace}, and the right to create it is missing: ${message}\nUntil it exists, Holdfast denies evictions, clean-ups and disk removals. Start a guard or a proxy that may create Leases in ${longhornNamespace}, or ask for that right.`
}

/** The message for two books. */
export function elsewhere(says: string, namespace: string, longhornNamespace: string): string {
  return `The Leases of the guard of this cluster are in namespace ${says}, not in ${namespace}: Lease ${anchorName} in ${longhornNamespace} says so. Guards and proxies with Leases in two namespaces could allow an eviction and a clean-up that crash a manager together. Start with --namespace ${says}. ${deleteAnchor(`To use ${namespace} for all instead`, longhornNamespace)}`
}
