import type { Outcome } from '../../src/gate/ports.ts'
import type { Change } from '../../src/rules/change.ts'

/** The facts that a proxy keeps of a write that it admitted. */
export interface Proxied extends Pick<Outcome, 'isLate' | 'release'> {
  /** The replica that is the proxy. */
  readonly by: number
}

/** How far the API server, and a proxy before it, has come with what a client wishes. Times are model milliseconds. */
export type Phase =
  | { readonly at: 'wished' }
  | { readonly at: 'reviewed'; readonly by: number }
  /** Admitted by a proxy, which may pause before it forwards the write. */
  | { readonly at: 'passing'; readonly change: Change; readonly since: number; readonly proxied: Proxied }
  /** On its way: a webhook has admitted it, or a proxy has passed it on. */
  | {
      readonly at: 'admitted'
      readonly change: Change
      readonly since: number
      readonly proxied?: Proxied
    }
  /** Stored, and the proxy has not heard the answer. */
  | { readonly at: 'answered'; readonly proxied: Proxied }
  | { readonly at: 'over' }
