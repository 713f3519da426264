import { isFields, type Fields } from './raw.ts'

/** Characters that no terminal may get: control characters, and those that turn the direction of writing. */
const acting = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u
const actingButNewline = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u

/** A uid has so many characters at most; Kubernetes gives it 36. */
const longestUid = 1_024

/** A body that is a review that can be answered under its uid. */
export interface Readable {
  readonly uid: string
  readonly review: Fields
}

/** So deep no API server nests lists, and to read and to compare them takes long. */
const tooDeep = '['.repeat(1_000)

/** True for a body with lists within lists, so deep that `askedIn` reads an empty one instead. */
export function isTooDeep(body: Buffer): boolean {
  return body.includes(tooDeep)
}

/** The same JSON with an empty list in the place of one that is too deep, if as many brackets close as open. */
function flattened(text: string): string {
  return text.replace(/(?<!\[)(\[{1000,})(\]{1000,})/g, (whole, open: string, closed: string) =>
    open.length === closed.length ? '[]' : whole,
  )
}

/** The request of a body, if it can be read that far. */
export function askedIn(body: Buffer): Readable | undefined {
  let review: unknown
  try {
    const text = body.toString('utf8')
    review = JSON.parse(isTooDeep(body) ? flattened(text) : text)
  } catch {
    return undefined
  }
  const request = isFields(review) ? review.request : undefined
  if (!isFields(review) || !isFields(request) || typeof request.uid !== 'string') return undefined
  const { uid } = request
  return uid !== '' && uid.length <= longestUid ? { uid, review } : undefined
}

/** The meaning of an answer to a review: whether it allows, or its error. */
export type Judged = { readonly allowed: boolean | undefined } | { readonly problem: string }

/** Looks at the answer to a review. @param asked see {@link askedIn} @returns `allowed` is undefined for what is no review */
export function judged(asked: Readable | undefined, status: number, body: string): Judged {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return { problem: 'the answer is no JSON' }
  }
  if (!isFields(json)) return { problem: 'the answer is no object' }
  if (!asked) {
    const isRefused =
      status >= 400 && status < 500 && json.kind === 'Status' && typeof json.message === 'string'
    return isRefused ? { allowed: undefined } : { problem: 'no review has to be 4xx' }
  }
  if (status !== 200) return { problem: `a review was answered with status ${status}` }
  if (json.apiVersion !== 'admission.k8s.io/v1' || json.kind !== 'AdmissionReview')
    return { problem: 'the answer is no AdmissionReview' }
  const { response } = json
  if (!isFields(response)) return { problem: 'there is no response' }
  if (response.uid !== asked.uid) return { problem: 'the uid is another' }
  const problem = problemInResponse(response)
  return problem === undefined ? { allowed: response.allowed === true } : { problem }
}

function problemInResponse({ allowed, status, warnings = [], auditAnnotations }: Fields): string | undefined {
  if (typeof allowed !== 'boolean') return 'allowed is no boolean'
  if (!Array.isArray(warnings)) return 'warnings are no list'
  for (const warning of warnings as unknown[])
    if (typeof warning !== 'string' || warning === '' || acting.test(warning))
      return 'a warning cannot be passed on'
  if (!isFields(auditAnnotations)) return 'there are no audit annotations'
  for (const [key, value] of Object.entries(auditAnnotations))
    if (key.length > 63 || key.includes('/') || typeof value !== 'string' || acting.test(value))
      return 'an audit annotation cannot be passed on'
  if (allowed) return status === undefined ? undefined : 'what is allowed has a status'
  return isFields(status) ? problemInStatus(status) : 'a denial has no status'
}

function problemInStatus({ code, message, details }: Fields): string | undefined {
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 400 || code > 599)
    return 'the code of a denial is none'
  if (typeof message !== 'string' || message === '') return 'a denial says nothing'
  if (message.length > 20_000) return 'a message is longer than what reaches a person'
  if (actingButNewline.test(message) || acting.test(JSON.stringify(details)))
    return 'a denial acts on a terminal'
  return undefined
}
