import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { Test } from 'tap'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { forwardTo } from './forwarded-pods.ts'

/**
 * The answer instead of the embedded cluster's, if any: a status and a body (a text unchanged), or no answer
 * ever.
 */
export type Answers = (
  method: string,
  path: string,
  body: string,
) => readonly [number, object | string] | 'never' | undefined

/**
 * An API server that answers some requests itself, those for resources that the embedded cluster does not serve, and
 * passes all others on.
 *
 * @param podPorts where the ports of its pods lead, `pod-0` first
 * @returns its kubeconfig
 */
export async function inFront(
  t: Test,
  url: string,
  answers: Answers,
  podPorts: readonly number[] = [],
): Promise<string> {
  const { port } = await front(t, url, answers, { podPorts })
  return kubeconfigFor(`http://127.0.0.1:${port}`, 'longhorn-system')
}

/** The address of such a server. */
interface Front {
  readonly podPorts?: readonly number[]
  readonly host?: string
  /** The prefix of its paths; others are not found. */
  readonly prefix?: string
  /** Without it, plain HTTP. */
  readonly tls?: https.ServerOptions
}

/** The same anywhere. @returns its port, and all that it was asked */
export async function front(
  t: Test,
  url: string,
  answers: Answers,
  { podPorts = [], host = '127.0.0.1', prefix = '', tls }: Front,
): Promise<{ readonly port: number; readonly asked: readonly string[] }> {
  const asked: string[] = []
  const server = tls ? https.createServer(tls) : http.createServer()
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = 'GET', url: target = '/', headers } = request
      asked.push(target)
      const path = target.slice(prefix.length)
      const body = Buffer.concat(chunks)
      if (!target.startsWith(`${prefix}/`)) {
        response.writeHead(404).end()
        return
      }
      const answer = answers(method, path.split('?')[0] ?? '', body.toString())
      if (answer === 'never') return
      if (answer) {
        const [code, said] = answer
        const text = typeof said === 'string' ? said : JSON.stringify(said)
        response.writeHead(code, { 'content-type': 'application/json' }).end(text)
        return
      }
      const passed = http.request(new URL(path, url), { method, headers }, (from) => {
        response.writeHead(from.statusCode ?? 502, from.headers)
        response.flushHeaders()
        from.pipe(response)
        response.on('close', () => from.destroy())
      })
      passed.on('error', () => response.destroy())
      passed.end(body)
    })
  })
  if (podPorts.length > 0) forwardTo(server, podPorts, (target) => asked.push(target))
  server.listen(0, host)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return { port: typeof address === 'object' && address ? address.port : 0, asked }
}

/** The API server's answer to a user without the right. */
export function forbidden(what: string): readonly [number, object] {
  const message = `${what} is forbidden: User "ann" cannot do that`
  return [
    403,
    { apiVersion: 'v1', kind: 'Status', status: 'Failure', code: 403, reason: 'Forbidden', message },
  ]
}
