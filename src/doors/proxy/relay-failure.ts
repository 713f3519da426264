import { inWords } from '../../text/system-error.ts'

/** Why a request could not be forwarded: the upstream is down, or slow, or credentials are missing. */
export class RelayFailure extends Error {
  /** 502 or 504, as a gateway answers; 503 if it was not forwarded. */
  readonly status: 502 | 503 | 504
  /** False if the upstream certainly has not received it. */
  readonly asked: boolean

  constructor(
    status: 502 | 503 | 504,
    message: string,
    { asked, cause }: { asked: boolean; cause?: unknown },
  ) {
    super(message, { cause })
    this.name = 'RelayFailure'
    this.status = status
    this.asked = asked
  }
}

/**
 * The upstream is unreachable, or ended the connection.
 *
 * @param asked true once there was a connection to ask on
 */
export function unreachable(server: URL, asked: boolean, cause: Error): RelayFailure {
  return new RelayFailure(
    502,
    `${server.origin} cannot be reached: ${inWords(cause)}. Does it run, and is it the right address?`,
    { asked, cause },
  )
}

/** The answer began, and ended too early. */
export function cutOff(server: URL): RelayFailure {
  return new RelayFailure(
    502,
    `${server.origin} broke off its answer. The request may have taken effect: check before you retry`,
    { asked: true },
  )
}

/** Node's HTTP cannot send this. */
export function unpassable(what: string, cause: unknown): RelayFailure {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new RelayFailure(502, `${what} cannot be forwarded: ${why}`, {
    asked: what !== 'the request',
    cause,
  })
}

/** The upstream does not answer, or there is no connection to it in time. @param asked true once there was one */
export function tooSlow(server: URL, asked: boolean, ms: number): RelayFailure {
  if (!asked) {
    return new RelayFailure(
      504,
      `There was no connection to ${server.origin} within ${ms / 1_000} s. It has not received the request: try again`,
      { asked },
    )
  }
  return new RelayFailure(
    504,
    `${server.origin} did not answer within ${ms / 1_000} s. The request may still take effect: check before you retry`,
    { asked },
  )
}

/** The write was admitted too long ago: it may no longer be safe. */
export function tooLate(): RelayFailure {
  return new RelayFailure(
    503,
    'The write was not forwarded: it was allowed too long ago, and may no longer be safe. The API behind this proxy, or this machine, is slow. Nothing was changed; try again',
    { asked: false },
  )
}
