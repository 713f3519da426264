/**
 * Why no answer, or no whole answer, came:
 * - `credentials`: a token, certificate or exec plugin of the kubeconfig could not be used
 * - `unreachable`: no connection (refused, name not found, certificate not trusted), or lost before the answer
 * - `timed-out`: connected, but no headers in time
 * - `silent`: the body stopped coming, without an end
 * - `cut`: the connection was lost in the middle of the body
 */
export type ConnectionFailureKind = 'credentials' | 'unreachable' | 'timed-out' | 'silent' | 'cut'

/** The API server did not answer, or not to the end. What it answers itself is an `ApiFailure`. */
export class ConnectionFailure extends Error {
  readonly kind: ConnectionFailureKind

  constructor(kind: ConnectionFailureKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ConnectionFailure'
    this.kind = kind
  }
}
