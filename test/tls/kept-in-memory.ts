import type { CertificateStore, Election, TrustRegistration } from '../../src/tls/self-managed.ts'
import type { Kept } from '../../src/tls/stored.ts'

const nothing: Kept = { authority: undefined, next: undefined, previous: undefined, serving: undefined }

/** A store for all replicas of a test. */
export class MemoryStore implements CertificateStore {
  kept: Kept = nothing
  failure: Error | undefined
  /** Called once before the next write, as another writer that is quicker. */
  beforeWrite: (() => void) | undefined
  onWritten: ((kept: Kept) => void) | undefined
  writes = 0
  #version = 1

  read(): Promise<{ kept: Kept; version: string }> {
    if (this.failure) return Promise.reject(this.failure)
    return Promise.resolve({ kept: this.kept, version: String(this.#version) })
  }

  write(kept: Kept, version: string): Promise<boolean> {
    const quicker = this.beforeWrite
    this.beforeWrite = undefined
    quicker?.()
    if (version !== String(this.#version)) return Promise.resolve(false)
    this.put(kept)
    return Promise.resolve(true)
  }

  /** Writes whatever is there. */
  put(kept: Kept): void {
    this.kept = kept
    this.writes += 1
    this.#version += 1
    this.onWritten?.(kept)
  }
}

/** The bundle that the API server trusts. */
export class MemoryTrust implements TrustRegistration {
  bundle = ''
  failure: Error | undefined

  publish(bundle: string): Promise<boolean> {
    if (this.failure) return Promise.reject(this.failure)
    const same = this.bundle === bundle
    this.bundle = bundle
    return Promise.resolve(same)
  }

  async ensure(authority: string, bundle: string): Promise<void> {
    if (!this.bundle.includes(authority.trim())) await this.publish(bundle)
  }
}

/** An election whose outcome the test decides. */
export class DecidedElection implements Election {
  leader: boolean
  failure: Error | undefined
  resigned = false

  constructor(leader: boolean) {
    this.leader = leader
  }

  leads(): Promise<boolean> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(this.leader)
  }

  resign(): Promise<void> {
    this.resigned = true
    return this.failure ? Promise.reject(this.failure) : Promise.resolve()
  }
}
