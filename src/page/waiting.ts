import type { HeldChange } from '../gate/held-change.ts'
import type { HoldListener } from '../gate/ports.ts'
import type { WaitingView } from './state-schema.ts'

/** Changes that a replica holds, as the page shows them. */
export function waitingViews(held: readonly HeldChange[], replica: string): WaitingView[] {
  return held.map(({ id, request, object, doing, since, until, causes, moreCauses }) => ({
    id: `${replica}/${id}`,
    replica,
    user: request.user,
    door: request.door,
    object: { kind: object.kind, name: object.name },
    doing,
    since,
    until,
    causes: causes.map((cause) => ({
      rule: cause.rule,
      found: cause.found,
      since: cause.since ?? null,
      until: cause.until ?? null,
      progress: cause.progress ?? null,
    })),
    moreCauses,
  }))
}

/** Calls its listeners when a hold begins or ends. */
export class HoldBell implements HoldListener {
  readonly #listeners = new Set<() => void>()

  began(): void {
    this.#ring()
  }

  ended(): void {
    this.#ring()
  }

  /** Calls the listener whenever a hold begins or ends. @returns ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #ring(): void {
    for (const listener of this.#listeners) listener()
  }
}
