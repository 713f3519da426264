// One server of the comparison in its own process, by the settings in a message.
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Ajv } from 'ajv'
import { fastify } from 'fastify'
import { configure } from '../../src/configuration/configuration.ts'
import { defaultRepeatLimits } from '../../src/doors/webhook/repeated-refusals.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { saveMemory } from '../../src/save-memory.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import type { Certificate } from '../../test/fixtures/certificates.ts'
import { serveAt } from '../contest/processes.ts'

/** The settings of a server, sent at its start. */
export interface Start {
  readonly name: 'bare' | 'fastify' | 'holdfast'
  readonly tls: Certificate
  /** The URL of the embedded cluster's API. */
  readonly api: string
}

const servers: Readonly<Record<Start['name'], (start: Start) => Promise<number>>> = {
  bare: serveBare,
  fastify: serveFastify,
  holdfast: serveHoldfast,
}

process.once('message', (start: Start) => serveAt(servers[start.name](start)))

function allowed(uid: string): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid, allowed: true },
  })
}

interface Review {
  readonly request: { readonly uid: string }
}

/** The least that a webhook on Node can do: it reads the body, parses it, and answers with its uid. */
async function serveBare({ tls }: Start): Promise<number> {
  const server = createServer(tls, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { request: asked } = parseJson(Buffer.concat(chunks).toString()) as Review
      const answer = Buffer.from(allowed(asked.uid))
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length })
        .end(answer)
    })
  })
  return await listening(server)
}

/** A function of its own, as in Holdfast, so that profiles show its time apart. */
function parseJson(text: string): unknown {
  return JSON.parse(text)
}

/** The usual way to write it: fastify, and a schema of the envelope that ajv checks. */
async function serveFastify({ tls }: Start): Promise<number> {
  const app = fastify({ https: tls, logger: false, bodyLimit: 8 * 1024 * 1024 })
  const valid = new Ajv().compile<Review>({
    type: 'object',
    required: ['kind', 'apiVersion', 'request'],
    properties: {
      kind: { const: 'AdmissionReview' },
      apiVersion: { const: 'admission.k8s.io/v1' },
      request: {
        type: 'object',
        required: ['uid', 'operation', 'userInfo'],
        properties: { uid: { type: 'string' }, operation: { type: 'string' }, userInfo: { type: 'object' } },
      },
    },
  })
  app.post('/validate', (request, reply) => {
    if (!valid(request.body)) return reply.code(400).send()
    return reply.type('application/json').send(allowed(request.body.request.uid))
  })
  await app.ready()
  return await listening(app.server)
}

/** The guard as `holdfast serve` runs it, with the log that records denials sent to nowhere. */
async function serveHoldfast({ tls, api }: Start): Promise<number> {
  saveMemory()
  const settings = { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s' }
  const guard = new Guard(configure([settings]), {
    connection: connectTo(api),
    tls,
    log: createLog('info', { write: () => undefined }),
    // The same denial comes back at once here, which a delay of the answer is there to prevent.
    repeats: { ...defaultRepeatLimits, maxWaiting: 0 },
  })
  const { port } = await guard.start()
  await guard.whenSynced(AbortSignal.timeout(30_000))
  return port
}

async function listening(server: Server): Promise<number> {
  // Longer than the turns of the others.
  server.keepAliveTimeout = 600_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
