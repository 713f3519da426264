import { STATUS_CODES } from 'node:http'
import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import { ApiFailure, isPage, notTheApi, parseRetryAfter } from './failures.ts'

/** The fields of a `metav1.Status` with the reason. */
export const FailureSchema = Type.Object({
  code: optional(Type.Integer()),
  reason: optional(Type.String()),
  message: optional(Type.String()),
  details: optional(
    Type.Object({
      retryAfterSeconds: optional(Type.Integer()),
      causes: optional(
        Type.Array(Type.Object({ reason: optional(Type.String()), message: optional(Type.String()) })),
      ),
    }),
  ),
})

const parseStatus = parser(FailureSchema, (raw) => raw)

/**
 * Reads the answer to a request that failed. Proxies and unknown paths answer in plain text or HTML: then the
 * result has only the code and the beginning of the text.
 *
 * @param what the request, for the message: `GET /apis/…`
 * @param code the HTTP status
 * @param retryAfter the header, if there was one
 */
export function readFailure(what: string, code: number, text: string, retryAfter?: string): ApiFailure {
  const status = parseStatus(jsonOrNothing(text))
  const { reason, message, details } = status.ok ? status.value : {}
  const said = (message ?? text.slice(0, 200)).trim()
  const answered = `answered ${code} ${STATUS_CODES[code] ?? ''} to ${what}${said === '' ? '' : `: ${said}`}`
  return new ApiFailure({
    code,
    reason: reason ?? '',
    message: status.ok ? `The API server ${answered}` : `The API server ${answered}${adviceFor(code, text)}`,
    retryAfterSeconds: parseRetryAfter(retryAfter) ?? details?.retryAfterSeconds ?? undefined,
    causes: (details?.causes ?? []).flatMap((cause) => cause.reason ?? []),
  })
}

/** An ERROR event of a watch carries the same Status, with the code inside. */
export function readErrorEvent(what: string, object: unknown): ApiFailure {
  const status = parseStatus(object)
  const code = status.ok ? (status.value.code ?? 500) : 500
  return readFailure(what, code, JSON.stringify(object))
}

/** The advice if another server than the API server seems to have answered. */
function adviceFor(code: number, text: string): string {
  if (/http request (?:was sent )?to (?:an )?https (?:server|port)/i.test(text))
    return '. The server of the cluster in the kubeconfig has to begin with https://.'
  return isPage(text) || (code >= 300 && code < 400) ? `. ${notTheApi}` : ''
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: the caller shows the text as it is.
    return undefined
  }
}
