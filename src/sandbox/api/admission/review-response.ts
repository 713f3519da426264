import { ApiError } from '../../cluster-client.ts'
import { at, isJsonObject, listAt, textAt, type JsonObject } from '../../json.ts'

/** What a webhook said. */
export type Answer =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  | { readonly allowed: false; readonly warnings: readonly string[]; readonly denial: ApiError }

/**
 * Reads a webhook's answer as strictly as the API server does (kubernetes.md, The answer).
 *
 * @param uid the one the review was sent with
 * @returns a sentence instead when the answer is none: a failed call, not a denial
 */
export function readAnswer(webhookName: string, uid: string, review: unknown): Answer | string {
  const kind = `${textAt(review, 'apiVersion')}, Kind=${textAt(review, 'kind')}`
  if (kind !== 'admission.k8s.io/v1, Kind=AdmissionReview')
    return `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${kind}`
  const response = at(review, 'response')
  if (!isJsonObject(response)) return 'webhook response was absent'
  if (response.uid !== uid) return `expected response.uid="${uid}", got "${textAt(response, 'uid')}"`
  if ((response.patch ?? undefined) !== undefined || (response.patchType ?? undefined) !== undefined)
    return 'webhook returned response.patch, which a validating webhook must not'
  // Go reads a missing `allowed` as false: a denial, not a failed call.
  const allowed = response.allowed ?? false
  if (typeof allowed !== 'boolean')
    return `response.allowed must be true or false, got ${JSON.stringify(allowed)}`
  const warnings = listAt(response, 'warnings').filter((warning) => typeof warning === 'string')
  if (allowed) return { allowed, warnings }
  const status = response.status ?? undefined
  if (status !== undefined && !isJsonObject(status)) return 'response.status must be an object'
  return { allowed, warnings, denial: denialOf(webhookName, status ?? {}) }
}

/** The whole status reaches the client, with who denied it said first. Below 400 or none is turned into 400. */
function denialOf(webhookName: string, status: JsonObject): ApiError {
  const denied = `admission webhook "${webhookName}" denied the request`
  const reason = textAt(status, 'reason')
  const why = textAt(status, 'message') || reason
  const code = typeof status.code === 'number' && status.code >= 400 ? status.code : 400
  return new ApiError({
    code,
    reason,
    message: why === '' ? `${denied} without explanation` : `${denied}: ${why}`,
    ...(isJsonObject(status.details) && { details: status.details }),
  })
}
