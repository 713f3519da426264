import { ApiError, type FailureStatus } from '../cluster-client.ts'

/** The facts of a resource that a failure needs to name the object. */
interface Named {
  readonly group: string
  readonly plural: string
  readonly kind: string
}

/** One error in an object: the field as a dotted path, and a sentence. */
export interface Problem {
  readonly field: string
  readonly message: string
}

function qualified({ group, plural }: Named): string {
  return group === '' ? plural : `${plural}.${group}`
}

function about(resource: Named, name: string): Readonly<Record<string, unknown>> {
  return {
    ...(name !== '' && { name }),
    ...(resource.group !== '' && { group: resource.group }),
    kind: resource.plural,
  }
}

/** 400: the request cannot be understood. */
export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message })
}

/** 404 for an object. */
export function notFound(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" not found`
  return new ApiError({ code: 404, reason: 'NotFound', message, details: about(resource, name) })
}

/** 404 for an unknown path; kubectl tells it from a missing object by its text. */
export function noSuchPath(path: string): ApiError {
  return new ApiError({
    code: 404,
    reason: 'NotFound',
    message: `the server could not find the requested resource: ${path} is not served by the embedded cluster`,
  })
}

/** 405: the path exists, but not for this method. */
export function methodNotAllowed(method: string, path: string): ApiError {
  const message = `the server does not allow this method on the requested resource: ${method} ${path}`
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message })
}

/** 406: the server has no form of the answer that the client can read. */
export function notAcceptable(): ApiError {
  const message = 'only the following media types will be returned: application/json'
  return new ApiError({ code: 406, reason: 'NotAcceptable', message })
}

/** 409: an object of this name exists already. */
export function alreadyExists(resource: Named, name: string): ApiError {
  const message = `${qualified(resource)} "${name}" already exists`
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: about(resource, name) })
}

/** 409: the write is for another version, or another object, than the stored one. */
export function conflict(resource: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`
  return new ApiError({ code: 409, reason: 'Conflict', message, details: about(resource, name) })
}

/** 410: the history does not reach back so far; the client has to list again. */
export function expired(message: string): ApiError {
  return new ApiError({ code: 410, reason: 'Expired', message })
}

/** 413: the body is larger than the server reads. */
export function tooLarge(limitBytes: number): ApiError {
  const message = `the request is larger than ${limitBytes} bytes, which is what the server reads at most`
  return new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message })
}

/** 415: a body in an unsupported format. */
export function unsupportedMediaType(message: string): ApiError {
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message })
}

/** 422: the object is readable and not valid. */
export function invalid(resource: Named, name: string, problems: readonly Problem[]): ApiError {
  const kind = resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`
  const causes = problems.map(({ field, message }) => ({ reason: 'FieldValueInvalid', message, field }))
  const text = problems
    .map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
    .join(', ')
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${kind} "${name}" is invalid: ${text}`,
    details: { ...about({ ...resource, plural: resource.kind }, name), causes },
  })
}

/** 500: an error of the server or of a webhook. The cause is kept for callers in this process. */
export function internal(problem: string, cause?: unknown): ApiError {
  const error = new ApiError({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${problem}`,
    details: { causes: [{ message: problem }] },
  })
  error.cause = cause
  return error
}

/** 504: the time of the whole request is over. */
export function timedOut(what: string): ApiError {
  const message = `Timeout: request did not complete within the allotted time: ${what}`
  return new ApiError({ code: 504, reason: 'Timeout', message })
}

/** A failure in the form that clients get, a `metav1.Status`. */
export function statusOf(failure: FailureStatus): Readonly<Record<string, unknown>> {
  const { code, reason, message, details } = failure
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason !== '' && { reason }),
    ...(details && { details }),
    code,
  }
}
