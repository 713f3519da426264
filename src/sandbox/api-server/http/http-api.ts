import type { IncomingMessage, ServerResponse } from 'node:http'
import { onceOver } from '../../../tls/over.ts'
import type { Clock } from '../../../time/clock.ts'
import { goDuration } from '../../../time/duration.ts'
import { ApiError } from '../../cluster-client.ts'
import { badRequest, internal, methodNotAllowed, noSuchPath } from '../failure.ts'
import type { Uptime } from '../identity.ts'
import { discover, openApi } from './discovery.ts'
import { logTarget, type PreviousLog, readLog } from './pod-log.ts'
import type { ReadRequests } from './read-requests.ts'
import { parsePath, readBody, type RequestContext, requestTarget, userOf } from './request.ts'
import { answerSelfReview, findSelfReview } from './self-reviews.ts'
import { send, sendFailure, sendJson, Warnings } from './send.ts'
import { answerWrite, type WriteRequestModules } from './write-requests.ts'

/** The parts that answering HTTP needs. */
interface HttpModules extends WriteRequestModules {
  readonly reads: ReadRequests
  readonly clock: Clock
  /** How long a request may take, its webhooks included. */
  readonly requestTimeoutMs: number
  /** The longest accepted body. */
  readonly maxBodyBytes: number
  readonly uptime: Uptime
  readonly previousLog: PreviousLog
}

/** Answers any HTTP request. It never throws: a failure is an answer too. */
export async function answerHttp(
  modules: HttpModules,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const warnings = new Warnings()
  try {
    await answer(modules, request, response, warnings)
  } catch (error) {
    const failure = error instanceof ApiError ? error : internal(sentenceOf(error), error)
    // Of a body that was begun, Node does not read the rest.
    if (request.readableDidRead && !request.readableEnded) endsConnection(response)
    sendFailure(response, failure.status, warnings)
  }
}

async function answer(
  modules: HttpModules,
  request: IncomingMessage,
  response: ServerResponse,
  warnings: Warnings,
): Promise<void> {
  const { method = 'GET' } = request
  const { path, query } = requestTarget(request.url ?? '/')
  if (method === 'GET' && answerDocument(request, response, path)) return
  const log = method === 'GET' ? logTarget(path) : undefined
  if (log) {
    send(response, 200, 'text/plain', readLog(log, query, modules), warnings)
    return
  }
  const review = findSelfReview(path)
  const target = parsePath(path)
  if (!review && !target) throw noSuchPath(path)
  if (target && method === 'GET') {
    modules.reads.answer(request, response, target, query, warnings)
    return
  }
  const context = contextOf(modules, request, response, query, warnings)
  const body = await readBody(request, modules.maxBodyBytes)
  if (review) {
    if (method !== 'POST') throw methodNotAllowed(method, path)
    sendJson(response, 201, answerSelfReview(review, body?.value, context.user), warnings)
  } else if (target) {
    const written = await answerWrite(modules, { method, path, query }, target, body, context)
    sendJson(response, written.code, written.body, warnings)
  }
}

/** Health, discovery and OpenAPI: they do not depend on stored objects. */
function answerDocument(request: IncomingMessage, response: ServerResponse, path: string): boolean {
  const document = openApi(path, request.headers.accept)
  const found = discover(path.replace(/(.)\/$/, '$1'))
  if (document) send(response, 200, document.contentType, document.body)
  else if (found) send(response, 200, 'application/json', JSON.stringify(found))
  else if (['/healthz', '/livez', '/readyz'].includes(path)) send(response, 200, 'text/plain', 'ok')
  else return false
  return true
}

function contextOf(
  { clock, requestTimeoutMs, uptime }: HttpModules,
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  warnings: Warnings,
): RequestContext {
  const asked = query.get('timeout') ?? ''
  const timeoutMs = asked === '' ? requestTimeoutMs : goDuration(asked)
  if (timeoutMs === undefined) throw badRequest(`invalid timeout specified in the request URL: ${asked}`)
  const gone = new AbortController()
  onceOver(response, () => gone.abort())
  return {
    user: userOf(request.headersDistinct),
    deadlineMs: clock.now() + Math.min(timeoutMs || requestTimeoutMs, requestTimeoutMs),
    signal: AbortSignal.any([gone.signal, uptime.signal]),
    warn: (text) => warnings.add(text),
  }
}

function endsConnection(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
