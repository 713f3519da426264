import type { Connection } from './connection.ts'
import type { ApiRequest, ApiResponse } from './exchange.ts'
import { ApiFailure, ConnectionFailure, isPage, notTheApi } from './failures.ts'

/** One request with JSON in both directions. */
export interface JsonRequest extends Omit<ApiRequest, 'body'> {
  /** Sent as `application/json`, unless `headers` name another content type (a merge patch). */
  readonly json?: unknown
  /** Waited for before the answer is read, which takes milliseconds for a page of a list. */
  readonly turn?: () => Promise<void>
}

/** The answer is not valid JSON, or not the expected object. */
export class MalformedAnswer extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'MalformedAnswer'
  }
}

/** True for an error of the cluster or its connection: it is no bug, wherever it surfaces. */
export function isOfCluster(error: unknown): boolean {
  return [ApiFailure, ConnectionFailure, MalformedAnswer].some((each) => error instanceof each)
}

/** A JSON answer has no reason to pause; a list page is ready before its first byte. */
const idleTimeoutMs = 30_000

/**
 * Asks the API server and reads the answer as JSON, without further checks.
 *
 * @throws ApiFailure if the answer is a failure, MalformedAnswer if it is not JSON, ConnectionFailure if none
 * comes, or the signal's reason
 */
export async function jsonRequest(connection: Connection, request: JsonRequest): Promise<unknown> {
  const { json, turn, ...rest } = request
  const response = await connection.request({
    idleTimeoutMs,
    ...rest,
    ...(json === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json', ...rest.headers },
          body: JSON.stringify(json),
        }),
  })
  const text = await expectSuccess(request, response)
  if (turn) {
    await turn()
    request.signal.throwIfAborted()
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    const its = text === '' ? 'empty instead of JSON' : `not valid JSON: ${text.slice(0, 80).trim()}`
    const is = text === '' || isPage(text) ? `${its}. ${notTheApi}` : its
    throw new MalformedAnswer(`The answer to ${request.method} ${request.path} is ${is}`, cause)
  }
}

async function expectSuccess({ method, path }: JsonRequest, response: ApiResponse): Promise<string> {
  const text = await response.text()
  if (response.status >= 200 && response.status < 300) return text
  // Loaded for a failure alone: the library that reads it takes longer to load than most answers take.
  const { readFailure } = await import('./read-failure.ts')
  throw readFailure(`${method} ${path}`, response.status, text, response.headers['retry-after'])
}
