/** The part of a `metav1.Status` that a denial carries; it reaches the client whole. */
export interface Status {
  readonly code: 403 | 429 | 503
  readonly reason: 'Forbidden' | 'TooManyRequests' | 'ServiceUnavailable'
  readonly message: string
  readonly details: {
    readonly name: string
    readonly group: string
    readonly kind: string
    readonly causes: readonly { readonly reason: string; readonly message: string; readonly field: string }[]
    /** Makes kubectl and every client-go program wait and try again by itself; seconds, at least 1. */
    readonly retryAfterSeconds?: number
  }
}

/** The whole answer to a requested write, without the form of any door. */
export type Answer =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  | { readonly allowed: false; readonly status: Status; readonly warnings: readonly string[] }
