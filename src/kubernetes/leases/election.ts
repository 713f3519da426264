import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import type { Clock } from '../../time/clock.ts'
import type { Election } from '../../tls/self-managed.ts'
import type { Connection } from '../client/connection.ts'
import { ApiFailure } from '../client/failures.ts'
import { jsonRequest, type JsonRequest, MalformedAnswer } from '../client/json-request.ts'

/** The parts that an election needs. */
interface ElectionOptions {
  readonly connection: Connection
  readonly namespace: string
  /** The name of the Lease, the same for all replicas. */
  readonly name: string
  /** The name of this replica; unique among them. */
  readonly replica: string
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** How long a leader stays one without a renewal, in milliseconds: three times the interval of renewals. */
  readonly leaseMs?: number
}

const parseLease = parser(
  Type.Object({
    metadata: Type.Object({ resourceVersion: Type.String({ minLength: 1 }) }),
    spec: optional(
      Type.Object({
        holderIdentity: optional(Type.String()),
        leaseDurationSeconds: optional(Type.Integer()),
        acquireTime: optional(Type.String()),
        leaseTransitions: optional(Type.Integer()),
      }),
    ),
  }),
  (raw): SeenLease => ({ version: raw.metadata.resourceVersion, spec: raw.spec ?? {} }),
)

interface SeenLease {
  readonly version: string
  readonly spec: {
    readonly holderIdentity?: string | null
    readonly leaseDurationSeconds?: number | null
    readonly acquireTime?: string | null
    readonly leaseTransitions?: number | null
  }
}

/** Standing down must not delay the end of a process. */
const resignMs = 2_000

/**
 * Elects one of several replicas by a Lease. A Lease has expired once it has not changed for its duration, by
 * this replica's own clock. So clocks need not agree.
 */
export class LeaseElection implements Election {
  readonly #options: ElectionOptions
  readonly #path: string
  readonly #leaseMs: number
  /** The last version seen of another replica's Lease, and since when. */
  #seen: { readonly version: string; readonly at: number } | undefined
  #leading = false

  constructor(options: ElectionOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? 30_000
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(options.namespace)}/leases`
  }

  async leads(signal: AbortSignal): Promise<boolean> {
    this.#leading = await this.#stand(signal)
    return this.#leading
  }

  async resign(): Promise<void> {
    if (!this.#leading) return
    this.#leading = false
    const signal = AbortSignal.timeout(resignMs)
    const lease = await this.#get(signal)
    if (lease?.spec.holderIdentity === this.#options.replica) await this.#put(lease, '', signal)
  }

  async #stand(signal: AbortSignal): Promise<boolean> {
    const { replica, clock } = this.#options
    const lease = await this.#get(signal)
    if (lease === undefined)
      return await this.#write('POST', this.#path, this.#lease(replica, undefined), signal)
    const holder = lease.spec.holderIdentity ?? ''
    if (holder !== replica && holder !== '') {
      if (this.#seen?.version !== lease.version)
        this.#seen = { version: lease.version, at: clock.monotonic() }
      if (clock.monotonic() - this.#seen.at < (lease.spec.leaseDurationSeconds ?? 0) * 1_000) return false
    }
    return await this.#put(lease, replica, signal)
  }

  #put(lease: SeenLease, holder: string, signal: AbortSignal): Promise<boolean> {
    return this.#write('PUT', `${this.#path}/${this.#options.name}`, this.#lease(holder, lease), signal)
  }

  #lease(holder: string, before: SeenLease | undefined) {
    const now = new Date(this.#options.clock.now()).toISOString().replace('Z', '000Z')
    const stays = before?.spec.holderIdentity === holder
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: this.#options.name,
        ...(before === undefined ? {} : { resourceVersion: before.version }),
      },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1_000),
        acquireTime: (stays ? before.spec.acquireTime : undefined) ?? now,
        renewTime: now,
        leaseTransitions: (before?.spec.leaseTransitions ?? 0) + (before === undefined || stays ? 0 : 1),
      },
    }
  }

  async #get(signal: AbortSignal): Promise<SeenLease | undefined> {
    const path = `${this.#path}/${this.#options.name}`
    const answer = await this.#ask({ method: 'GET', path, signal }, 404)
    if (answer === undefined) return undefined
    const lease = parseLease(answer)
    if (!lease.ok) throw new MalformedAnswer(`Lease ${this.#options.name} cannot be read: ${lease.problem}.`)
    return lease.value
  }

  /** @returns false if another replica was quicker */
  async #write(method: 'POST' | 'PUT', path: string, json: unknown, signal: AbortSignal): Promise<boolean> {
    return (await this.#ask({ method, path, json, signal }, 409)) !== undefined
  }

  /** @returns undefined for an expected failure */
  async #ask(request: JsonRequest, expected: number): Promise<unknown> {
    try {
      return await jsonRequest(this.#options.connection, request)
    } catch (error) {
      if (error instanceof ApiFailure && error.code === expected) return undefined
      throw error
    }
  }
}
