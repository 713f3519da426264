import type { Test } from 'tap'
import { ApiServer, type ApiServerOptions } from '../../../src/sandbox/api-server/api-server.ts'
import { sandboxAdmin } from '../../../src/sandbox/api-server/http/request.ts'
import { apiVersion } from '../../../src/sandbox/controllers/resources.ts'
import { isJsonObject, type JsonObject } from '../../../src/sandbox/json.ts'

/** What came back over HTTP. */
export interface Reply {
  readonly code: number
  readonly headers: Headers
  readonly body: JsonObject
}

/** What a request carries besides its method and path. */
export interface Sent {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends one request; a path without a leading slash is below Longhorn's own namespace. */
export type Ask = (method: string, path: string, sent?: Sent) => Promise<Reply>

/** An API server that ends with the test, and how to talk to it over HTTP and within the process. */
export async function started(t: Test, options: Partial<ApiServerOptions> = {}) {
  const api = await ApiServer.start(options)
  t.teardown(() => api.stop())
  return { api, client: api.client(sandboxAdmin), ask: asking(api.url) }
}

/** Where a path without a leading slash begins. */
export const longhornPath = `/apis/${apiVersion}/namespaces/longhorn-system/`

function asking(url: string): Ask {
  return async (method, path, { body, headers = {} } = {}) => {
    const type = { 'content-type': method === 'PATCH' ? mergeType : 'application/json' }
    const response = await fetch(`${url}${path.startsWith('/') ? '' : longhornPath}${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const answer: unknown = JSON.parse(await response.text())
    if (!isJsonObject(answer)) throw new Error(`${method} ${path} did not answer with an object`)
    return { code: response.status, headers: response.headers, body: answer }
  }
}

const mergeType = 'application/merge-patch+json'

/** The content type of a JSON patch. */
export const jsonPatchType = { 'content-type': 'application/json-patch+json' }
