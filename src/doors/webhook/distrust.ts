import type { Socket } from 'node:net'
import { peerAddress } from '../../text/plain-text.ts'
import { type Log, LogOnce } from './log.ts'

/** The alerts of a client that rejects our certificate; Go's is BAD_CERTIFICATE. */
const distrust =
  /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE)/

/** Warns of clients that do not trust the serving certificate. If the API server is one, no review ever arrives. */
export class Distrust {
  readonly #log: Pick<Log, 'warn'>
  #logged = new LogOnce()

  constructor(log: Pick<Log, 'warn'>) {
    this.#log = log
  }

  /** Looks at an error of a connection. */
  readonly failed = ({ code }: { readonly code?: string }, socket: Socket): void => {
    if (code === undefined || !distrust.test(code) || !this.#logged.isNew(code)) return
    this.#log.warn(
      { code, client: peerAddress(socket.remoteAddress) },
      'a client does not trust the serving certificate; if it is the API server, the caBundle of the ValidatingWebhookConfiguration does not belong to it',
    )
  }

  /** After the certificate was replaced, distrust is news again. */
  certificateReplaced(): void {
    this.#logged = new LogOnce()
  }
}
