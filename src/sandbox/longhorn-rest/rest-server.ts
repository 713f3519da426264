import type { AddressInfo } from 'node:net'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { type LastAnswer, LastAnswers } from '../../tls/last-answers.ts'
import type { Timers } from '../../time/clock.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { resources } from '../controllers/resources.ts'
import {
  collection,
  errorBody,
  type Origin,
  RestError,
  restImage,
  restNode,
  RestWrites,
} from './rest-writes.ts'

/** The parts of the REST API. */
interface RestModules {
  /**
   * The client of Longhorn's own service account: a webhook cannot tell its writes from those of the
   * controllers.
   */
  readonly client: ClusterClient
  readonly namespace: string
  /** Calls the listener after each change to one of Longhorn's objects; the returned function ends that. */
  readonly subscribe: (listener: () => void) => () => void
  /** The machine's own by default. */
  readonly timers?: Timers
}

type Kind = 'node' | 'backingImage'

/** The interval of pushes: people read no faster. */
const pushMs = 200

/**
 * Longhorn's REST API in miniature (longhorn.md §5), for Longhorn's UI. One server serves all nodes, and goes
 * on after a manager has crashed: its purpose is the writes.
 */
export class RestServer {
  readonly #modules: RestModules
  readonly #writes: RestWrites
  readonly #app: FastifyInstance
  readonly #sockets = new WebSocketServer({ noServer: true })

  private constructor(modules: RestModules) {
    this.#modules = modules
    this.#writes = new RestWrites(modules.client, modules.namespace)
    const lastAnswers = new LastAnswers({ inWords, timers: modules.timers })
    this.#app = fastify({
      logger: false,
      forceCloseConnections: true,
      clientErrorHandler: lastAnswers.onClientError,
      routerOptions: { maxParamLength: 300 },
    })
    lastAnswers.watch(this.#app.server)
    this.#routes()
    this.#app.server.on('upgrade', (request, socket, head) => {
      const kind = /^\/v1\/ws\/(?:[^/]+\/)?(nodes|backingimages)$/.exec(request.url ?? '')?.[1]
      if (kind === undefined) {
        lastAnswers.answerSwitch(request.socket, inWords(404, `${request.url ?? ''} not found`))
        return
      }
      const origin = `http://${request.headers.host ?? ''}`
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        this.#push(client, kind === 'nodes' ? 'node' : 'backingImage', origin)
      })
    })
  }

  /** @throws Error if it cannot listen on the port */
  static async start(modules: RestModules, port: number): Promise<RestServer> {
    const server = new RestServer(modules)
    await server.#app.listen({ host: '127.0.0.1', port })
    return server
  }

  /** `http://127.0.0.1:…` */
  get url(): string {
    const address: AddressInfo | string | null = this.#app.server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  }

  async stop(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate()
    await this.#app.close()
  }

  #routes(): void {
    const app = this.#app
    // As in Go: any content type counts as JSON, and an empty body is an empty object.
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
      try {
        done(null, body === '' ? {} : (JSON.parse(String(body)) as unknown))
      } catch (cause) {
        done(new RestError(500, `the body is not JSON: ${String(cause)}`))
      }
    })
    app.setErrorHandler((error, _request, reply) => {
      const status = error instanceof RestError ? error.status : 500
      const message = error instanceof Error ? error.message : String(error)
      return reply.code(status).send(errorBody(status, message))
    })
    app.setNotFoundHandler((request, reply) => {
      const [path = '', query] = request.url.split('?', 2)
      // Longhorn's router redirects to the path without the slash, and few clients follow that with a write.
      if (path.length > 1 && path.endsWith('/')) {
        return reply
          .code(301)
          .header('location', path.slice(0, -1) + (query === undefined ? '' : `?${query}`))
          .send()
      }
      return reply.code(404).send(errorBody(404, `${path} not found`))
    })
    app.get('/v1', (request) => ({
      type: 'apiVersion',
      id: 'v1',
      links: { self: `${originOf(request)}/v1` },
      actions: {},
    }))
    app.get('/v1/nodes', (request) => this.#all('node', originOf(request)))
    app.get('/v1/backingimages', (request) => this.#all('backingImage', originOf(request)))
    app.get<Named>('/v1/nodes/:name', (request) => this.#one('node', request))
    app.get<Named>('/v1/backingimages/:name', (request) => this.#one('backingImage', request))
    app.put<Named>('/v1/nodes/:name', async (request) =>
      restNode(await this.#writes.updateNode(request.params.name, request.body), originOf(request)),
    )
    app.post<Named>('/v1/nodes/:name', async (request) => {
      if (actionOf(request) !== 'diskUpdate') throw new RestError(404, `no action ${actionOf(request)}`)
      return restNode(await this.#writes.updateDisks(request.params.name, request.body), originOf(request))
    })
    app.post<Named>('/v1/backingimages/:name', async (request) => {
      const { name } = request.params
      switch (actionOf(request)) {
        case 'backingImageCleanup':
          return restImage(await this.#writes.cleanUp(name, request.body), originOf(request))
        case 'updateMinNumberOfCopies':
          return restImage(await this.#writes.updateMinNumberOfCopies(name, request.body), originOf(request))
        default:
          throw new RestError(404, `no action ${actionOf(request)}`)
      }
    })
    app.delete<Named>('/v1/nodes/:name', (request, reply) => this.#delete('node', request, reply))
    app.delete<Named>('/v1/backingimages/:name', (request, reply) =>
      this.#delete('backingImage', request, reply),
    )
  }

  async #delete(kind: Kind, { params: { name } }: FastifyRequest<Named>, reply: FastifyReply): Promise<void> {
    await this.#writes.delete(resourceOf(kind), name)
    await reply.code(200).send()
  }

  async #all(kind: Kind, origin: Origin): Promise<object> {
    const objects = await this.#modules.client.list(resourceOf(kind), this.#modules.namespace)
    const shown = objects.map((each) => (kind === 'node' ? restNode(each, origin) : restImage(each, origin)))
    return collection(kind, shown, `${origin}/v1/${resourceOf(kind).plural}`)
  }

  async #one(kind: Kind, request: FastifyRequest<Named>): Promise<object> {
    const { name } = request.params
    const found = await this.#modules.client.get(resourceOf(kind), this.#modules.namespace, name)
    if (!found) throw new RestError(404, `${resourceOf(kind).plural} ${name} not found`)
    return kind === 'node' ? restNode(found, originOf(request)) : restImage(found, originOf(request))
  }

  /** Sends the collection at once and after each change. */
  #push(client: WebSocket, kind: Kind, origin: Origin): void {
    let timer: NodeJS.Timeout | undefined
    const send = async (): Promise<void> => {
      timer = undefined
      const all = await this.#all(kind, origin)
      if (client.readyState === client.OPEN) client.send(JSON.stringify(all))
    }
    const soon = (): void => {
      timer ??= setTimeout(() => void send(), pushMs)
    }
    const unsubscribe = this.#modules.subscribe(soon)
    client.on('close', () => {
      unsubscribe()
      clearTimeout(timer)
    })
    client.on('error', () => client.terminate())
    void send()
  }
}

function inWords(status: number, message: string): LastAnswer {
  const body = JSON.stringify(errorBody(status, message))
  return { status, headers: { 'Content-Type': 'application/json' }, body }
}

interface Named {
  Params: { name: string }
}

function resourceOf(kind: Kind) {
  return kind === 'node' ? resources.Node : resources.BackingImage
}

/** The first of several decides, as in Longhorn's router. */
function actionOf({ url }: FastifyRequest): string {
  return new URLSearchParams(url.split('?', 2)[1] ?? '').get('action') ?? ''
}

/** Links are absolute, with the address that the client sees (longhorn.md §5). */
function originOf({ headers, host }: FastifyRequest): Origin {
  const [proto, forwarded] = [headers['x-forwarded-proto'], headers['x-forwarded-host']]
  return `${typeof proto === 'string' ? proto : 'http'}://${typeof forwarded === 'string' ? forwarded : host}`
}
