/** The words for errors of the operating system, the resolver or TLS. */
const words: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'you have no right to use it',
  EPERM: 'you have no right to use it',
  EISDIR: 'it is a folder, and a file is needed',
  ENOTDIR: 'a part of its path is a file, and a folder is needed',
  EEXIST: 'it exists already',
  ELOOP: 'its symbolic links form a loop',
  ENAMETOOLONG: 'its name is too long',
  ENOSPC: 'the disk is full',
  EROFS: 'the file system is read-only',
  EMFILE: 'too many files are open',
  EADDRINUSE: 'another program listens there already',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ECONNREFUSED: 'the connection was refused, so no program listens there',
  ECONNRESET: 'the connection was closed before an answer came',
  EPIPE: 'the connection was closed before an answer came',
  UND_ERR_SOCKET: 'the connection was closed before an answer came',
  ETIMEDOUT: 'no connection was made in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection was made in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  EHOSTUNREACH: 'the network has no route to it',
  ENETUNREACH: 'the network has no route to it',
  ENOTFOUND: 'DNS does not know its name',
  EAI_AGAIN: 'DNS did not answer for its name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed, and this machine does not trust it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that this machine does not trust',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an authority that this machine does not trust',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is signed by an authority that this machine does not trust',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is signed by an authority that this machine does not trust',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name or address',
}

const noTls = 'it does not speak TLS. If it speaks http, its address begins with http://'
const noHttp = 'it does not speak http. If it speaks https, its address begins with https://'
const noClient = 'it does not accept the client certificate, or wants one'

/**
 * Describes a system error in plain words, for the end of a sentence such as "cannot read a.yaml: it does not
 * exist (ENOENT)". The code stays, since people search for it, and Node's sentence goes. Holdfast's own
 * errors already are sentences.
 */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = codeOf(error)
  if (code === undefined && ofFetch.has(error.message) && error.cause !== undefined)
    return inWords(error.cause)
  const said = code === undefined ? undefined : (words[code] ?? ofProtocol(code, error.message))
  if (said !== undefined) return `${said} (${code})`
  return error.message === '' ? (code ?? error.name) : error.message
}

/** With these words fetch hides the reason: for a request, and for a body that breaks off. */
const ofFetch: ReadonlySet<string> = new Set(['fetch failed', 'terminated'])

/** True if a connection failed in the way that a TLS server makes a plain client fail. */
export function mayNeedTls(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  return code === 'ECONNRESET' || code === 'UND_ERR_SOCKET' || code.startsWith('HPE_')
}

/** The `code` of an error of Node (`ECONNREFUSED`), if it has one. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** OpenSSL has a code for each error. Node puts one before all of them: EPROTO. */
function ofProtocol(code: string, message: string): string | undefined {
  if (code.startsWith('HPE_')) return noHttp
  if (code !== 'EPROTO' && !code.startsWith('ERR_SSL_')) return undefined
  const what = `${code} ${message}`.replaceAll(/[_ ]+/g, ' ').toLowerCase()
  if (/alert (?:bad certificate|certificate|unknown ca|access denied)/.test(what)) return noClient
  if (/alert|unsupported protocol|no shared cipher|version too low/.test(what))
    return 'it and this machine have no version or kind of TLS in common'
  return noTls
}
