import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { send } from '../proxy/relay.ts'

/** Nobody notices a second. */
const pauseMs = 1_000

/** One answer takes no longer unless something is wrong. */
const answerMs = 10_000

/**
 * Waits until Longhorn's REST API answers at this address: the proxy runs, its name is found, and Longhorn lets it in.
 *
 * @returns why it does not by then; undefined once it does
 */
export async function untilAnswering(server: URL, timeoutMs: number): Promise<string | undefined> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const problem = await problemOf(server)
    const left = end - performance.now()
    if (problem === undefined || left <= 0) return problem
    await setTimeout(Math.min(pauseMs, left))
  }
}

async function problemOf(server: URL): Promise<string | undefined> {
  // The UI's nginx asks for no proof of who answers either.
  const options = { path: '/v1', agent: false, rejectUnauthorized: false, timeout: answerMs } as const
  const request = send(server, { ...options, headers: { host: server.host } })
  request.on('timeout', () => request.destroy(new Error(`no answer within ${answerMs / 1_000} s`)))
  try {
    const response = once(request, 'response') as Promise<[IncomingMessage]>
    request.end()
    const [{ statusCode = 0 }] = await response
    return statusCode < 500 ? undefined : `it answers ${statusCode}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    request.destroy()
  }
}
