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
 * Whether this door writes in the book that the others write in:
 *
 * - `unknown`: the anchor was not read yet, or there is none and it cannot be made. Nothing is reserved: whoever makes it
 *   may name another namespace.
 * - `here`: the anchor names the namespace of this door.
 * - `elsewhere`: the anchor names another namespace. Nothing is reserved.
 * - `forbidden`: this door may not read the anchor. It goes on: its namespace was named by whoever started it, and Roles
 *   of older charts do not have the right, so that to stop would take the guard off a cluster that it guards.
 */
export const anchorStates = ['unknown', 'here', 'elsewhere', 'forbidden'] as const

/** One of the {@link anchorStates}. */
export type AnchorState = (typeof anchorStates)[number]

/** What an anchor is followed with. */
interface FollowedAnchorOptions extends AnchorPlace {
  /** Where this door's book is. */
  readonly namespace: string
  readonly clock: Clock
  /** Told of each new state, with a sentence for people if it is none to go on with. */
  readonly onState: (state: AnchorState, why: string | undefined) => void
}

/** How long a failed attempt to make the anchor is not repeated, in milliseconds. */
const retryMs = 10_000

interface Seen {
  readonly namespace: Parsed<string>
}

/** Follows the anchor, and makes it again if somebody deletes it. It starts when it is made. It does not own the connection. */
export class FollowedAnchor {
  readonly #options: FollowedAnchorOptions
  readonly #follower: ListWatch<Seen>
  readonly #stopping = new AbortController()
  /** Aborted once it is known whether this door may reserve. */
  readonly #known = new AbortController()
  #state: AnchorState = 'unknown'
  #why: string | undefined = `Lease ${anchorName} was not read yet.`
  #seen: Seen | undefined
  #making: Promise<void> | undefined
  /** How often it was seen to be gone. */
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

  /** Whether this door writes in the book that the others write in. */
  get state(): AnchorState {
    return this.#state
  }

  /** Why nothing may be written in the book now, for people; undefined if it may. */
  get doubt(): string | undefined {
    return this.#state === 'here' || this.#state === 'forbidden' ? undefined : this.#why
  }

  /** Resolves once that was found out for the first time. @throws the signal's reason */
  async whenKnown(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#known.signal])
    if (!ended.aborted)
      await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }))
    signal.throwIfAborted()
  }

  /** The same way to the cluster, on which nothing can be written unless this is the book of all doors. */
  guarding(connection: Connection): Connection {
    const request = (asked: ApiRequest) => {
      const why = asked.method === 'GET' ? undefined : this.doubt
      return why === undefined ? connection.request(asked) : Promise.reject(new Error(why))
    }
    return { ...connection, request }
  }

  /** Resolves when nothing is asked any more. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#follower.stop(), this.#making])
  }

  /** Judges what was seen last. */
  #look(): void {
    const { namespace, longhornNamespace } = this.#options
    if (this.#seen === undefined) {
      this.#losses += 1
      this.#become('unknown', `Lease ${anchorName} in ${longhornNamespace} is gone; it is made again.`)
      this.#making ??= this.#make().finally(() => (this.#making = undefined))
      return
    }
    const says = this.#seen.namespace
    if (!says.ok) this.#become('unknown', `${says.problem}. ${deleteAnchor(longhornNamespace)}`)
    else this.#agree(says.value, namespace)
  }

  #agree(says: string, namespace: string): void {
    if (says === namespace) this.#become('here', undefined)
    else this.#become('elsewhere', elsewhere(says, namespace, this.#options.longhornNamespace))
  }

  /** Until it is there, whoever has made it. */
  async #make(): Promise<void> {
    const { namespace, clock } = this.#options
    const { signal } = this.#stopping
    const over = () => this.#seen !== undefined || signal.aborted
    while (!over()) {
      const losses = this.#losses
      try {
        const says = await makeAnchor(this.#options, namespace, signal)
        // What was deleted while the answer came has to be made once more.
        if (this.#losses > losses) continue
        // The watch may have been quicker, and then it knows more.
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
    // What was seen once is not undone by a right that is taken away.
    else if (this.#state !== 'elsewhere') this.#become('forbidden', why)
  }

  /** What fails for another reason than a missing right to read says nothing of the anchor: the last state stays. */
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

/** Why the anchor was not made. */
function whyOf(error: unknown, longhornNamespace: string): string {
  if (isForbidden(error)) return mayNotMake(error, longhornNamespace)
  return error instanceof Error ? error.message : String(error)
}

/** What a person is told where there is no anchor, and no right to make it. */
export function mayNotMake({ message }: ApiFailure, longhornNamespace: string): string {
  return `There is no Lease ${anchorName} in ${longhornNamespace}, and the right to create it is missing: ${message}\nUntil there is one, no arming change is admitted. Start a guard or a proxy that may create Leases in ${longhornNamespace}, or ask for that right.`
}

/** What a person is told of two books. */
export function elsewhere(says: string, namespace: string, longhornNamespace: string): string {
  return `The Leases of the guard of this cluster are in namespace ${says}, not in ${namespace}: Lease ${anchorName} in ${longhornNamespace} says so. Doors with two books could admit an eviction and a clean-up that crash a manager together. Start with --namespace ${says}. ${deleteAnchor(longhornNamespace)}`
}
