import { inWords } from '../../text/system-error.ts'

/** Why a request could not be passed on: the upstream is down, or slow, or the proof of who asks cannot be had. */
export class RelayFailure extends Error {
  /** 502 or 504, as a gateway answers; 503 if it was not passed on. */
  readonly status: 502 | 503 | 504
  /** False if the upstream has heard nothing of it for sure. */
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

/** The upstream cannot be reached, or ended the connection. @param asked true once there was a connection to ask on */
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
    `${server.origin} broke off its answer. What was asked may be done: look before you ask again`,
    { asked: true },
  )
}

/** HTTP as Node speaks it cannot say this. */
export function unpassable(what: string, cause: unknown): RelayFailure {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new RelayFailure(502, `${what} cannot be passed on: ${why}`, {
    asked: what !== 'what was asked',
    cause,
  })
}

/** The upstream does not answer, or there is no connection to it in time. @param asked true once there was one */
export function tooSlow(server: URL, asked: boolean, ms: number): RelayFailure {
  if (!asked) {
    return new RelayFailure(
      504,
      `There was no connection to ${server.origin} within ${ms / 1_000} s. Nothing was asked: try again`,
      { asked },
    )
  }
  return new RelayFailure(
    504,
    `${server.origin} did not answer within ${ms / 1_000} s. What was asked may still be done: look before you ask again`,
    { asked },
  )
}

/** The write was admitted too long ago: what was safe then may not be safe now. */
export function tooLate(): RelayFailure {
  return new RelayFailure(
    503,
    'The write was not passed on: too much time went by since it was admitted, and it may not be safe any more. The API behind this proxy is slow, or this machine is. Nothing was changed; try again',
    { asked: false },
  )
}
