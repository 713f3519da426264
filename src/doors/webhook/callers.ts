import { constants, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type SecureContextOptions, TLSSocket } from 'node:tls'
import { plainLine, shortened } from '../../text/plain-text.ts'
import {
  type ClientAuthorities,
  commonNames,
  judgeClient,
  type Rejection,
  rejections,
  type Shown,
  type Wanted,
} from '../../tls/client-authorities.ts'
import type { ServingCertificate } from '../../tls/stored.ts'
import type { HttpProblem } from './http-errors.ts'
import type { Log } from './log.ts'

/** The parts for judging callers. */
interface CallerModules {
  readonly log: Log
  /** Milliseconds since the epoch: certificates end by the time of day. */
  readonly timeOfDay: () => number
}

/** A caller whose certificate was accepted. */
interface AcceptedCaller {
  /** Its common name. */
  readonly name: string
  /** The end of its certificate, or of its signer's if that is sooner, in milliseconds since the epoch. */
  readonly until: number
}

/** A reason is logged once in so many milliseconds, since callers come back. */
const sayAgainMs = 600_000

/** Longer chains are not followed: OpenSSL's own limit is 100, and API servers have one or two links. */
const mostLinks = 8

/**
 * Accepts reviews only from callers with a client certificate that one of the guard's authorities has
 * signed.
 */
export class Callers {
  readonly #modules: CallerModules
  /** By its connection, with the facts that it rests on: a connection lasts for hours. */
  readonly #accepted = new WeakMap<Socket, { readonly wanted: Wanted; readonly caller: AcceptedCaller }>()
  /**
   * The certificates of each connection's handshake. Node 20 gives the chain once, and then only its first
   * link.
   */
  readonly #shown = new WeakMap<Socket, Shown>()
  readonly #refused = new Map<Rejection, number>(rejections.map((why) => [why, 0]))
  readonly #said = new Map<Rejection, { readonly at: number; readonly refused: number }>()
  #wanted: Wanted
  #last: AcceptedCaller | undefined

  constructor(wanted: Wanted, modules: CallerModules) {
    this.#wanted = wanted
    this.#modules = modules
  }

  /** The last accepted caller; undefined before the first. */
  get last(): AcceptedCaller | undefined {
    return this.#last
  }

  /** How many requests were rejected, by the reason. */
  get refused(): ReadonlyMap<Rejection, number> {
    return this.#refused
  }

  /** Accepts certificates of these authorities from now on, on open connections too. */
  setAuthorities(authorities: ClientAuthorities): void {
    this.#wanted = { ...this.#wanted, authorities }
    this.#said.clear()
  }

  /** The answer to the caller, instead of reading its request; undefined for an accepted one. */
  refusal(socket: Socket): HttpProblem | undefined {
    const now = this.#modules.timeOfDay()
    const known = this.#accepted.get(socket)
    if (known?.wanted === this.#wanted && now < known.caller.until) {
      this.#last = known.caller
      return undefined
    }
    const shown = this.#shown.get(socket) ?? shownOn(socket)
    this.#shown.set(socket, shown)
    const judged = judgeClient(shown, this.#wanted, now)
    if (!judged.accepted) return this.#refuse(judged.why, shown, socket)
    this.#last = { name: nameOf(shown.chain[0]), until: judged.until }
    this.#accepted.set(socket, { wanted: this.#wanted, caller: this.#last })
    return undefined
  }

  #refuse(why: Rejection, { chain, objection }: Shown, { remoteAddress }: Socket): HttpProblem {
    const refused = (this.#refused.get(why) ?? 0) + 1
    this.#refused.set(why, refused)
    const name = nameOf(chain[0])
    const said = this.#said.get(why)
    const now = this.#modules.timeOfDay()
    if (said === undefined || Math.abs(now - said.at) >= sayAgainMs) {
      this.#said.set(why, { at: now, refused })
      this.#modules.log.warn(
        { why, name, objection, client: remoteAddress, refused: refused - (said?.refused ?? 0) },
        'a caller was rejected before its review was read; if it is an API server, it cannot reach the guard',
      )
    }
    return {
      // 401: a retry with a certificate may succeed; 403: this one will not.
      status: why === 'no-certificate' ? 401 : 403,
      error: `${sentenceOn(why, name)}. ${remedy}`,
    }
  }
}

const remedy =
  'This guard accepts reviews from API servers only (--client-ca). To give an API server a certificate: holdfast certs --api-server'

function sentenceOn(why: Rejection, name: string): string {
  const certificate = `The client certificate${name === '' ? '' : ` of ${name}`}`
  switch (why) {
    case 'no-certificate':
      return 'This caller shows no client certificate'
    case 'not-trusted':
      return `${certificate} is not signed by an authority that this guard knows`
    case 'expired':
      return `${certificate}, or the certificate of its signer, is not valid now`
    case 'not-for-clients':
      return `${certificate} is not for clients: it needs the key purpose clientAuth`
    case 'other-name':
      return `${certificate} has none of the names that this guard accepts (--client-name)`
  }
}

function shownOn(socket: Socket): Shown {
  if (!(socket instanceof TLSSocket)) return { chain: [], objection: undefined }
  const chain: X509Certificate[] = []
  let link = socket.getPeerX509Certificate()
  while (link && chain.length < mostLinks) {
    chain.push(link)
    const next: X509Certificate | undefined = link.issuerCertificate
    link = next && isIssuer(next, link) ? next : undefined
  }
  return { chain, objection: objectionTo(socket) }
}

/**
 * Node gives the next certificate that the client has sent, whether or not it has signed the previous one.
 */
function isIssuer(next: X509Certificate, link: X509Certificate): boolean {
  return next.fingerprint256 !== link.fingerprint256 && link.checkIssued(next) && link.verify(next.publicKey)
}

/** Node 20 calls a resumed session authorized, even without a certificate (kubernetes.md, Connections). */
function objectionTo(socket: TLSSocket): string | undefined {
  if (socket.isSessionReused()) return 'SESSION_RESUMED'
  if (socket.authorized) return undefined
  // Typed as an Error, it is the name that OpenSSL has for it.
  return String(socket.authorizationError)
}

function nameOf(certificate: X509Certificate | undefined): string {
  const [name = ''] = certificate ? commonNames(certificate) : []
  return shortened(plainLine(name), 256)
}

/**
 * The TLS options of a handshake. Each context needs all of them: without authorities it would accept client
 * certificates of any public one.
 *
 * @param authorities undefined if no client certificate is asked for
 */
export function contextOf(
  { cert, key }: ServingCertificate,
  authorities: ClientAuthorities | undefined,
): SecureContextOptions {
  if (authorities === undefined) return { cert, key }
  return {
    cert,
    key,
    ca: authorities.pem,
    // A resumed session has no certificate. API servers resume none.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}
