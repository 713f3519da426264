import { type Server, ServerResponse, STATUS_CODES } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { systemClock, type Timers } from '../time/clock.ts'
import { isOver } from './over.ts'

/** An answer after which its connection ends. */
export interface LastAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An error of a connection before there is a request, as Node reports it. */
type ConnectionError = Error & { readonly code?: string }

/** The parts that last answers need. */
interface LastAnswerModules {
  /** Puts a sentence into the form of the port. */
  readonly inWords: (status: number, sentence: string) => LastAnswer
  /** The machine's own by default. */
  readonly timers?: Timers | undefined
  /** Called with each error, failed handshakes included. */
  readonly failed?: (error: ConnectionError, socket: Socket) => void
}

/** The time for which a connection stays open after its last answer, in milliseconds. */
const lastAnswerMs = 1_000

/**
 * Ends the connections of one server so that their clients read the last answer. A connection that is closed while bytes come
 * is reset, and a client that is still sending loses the answer. So each is read on for a second. Nothing of that is kept or
 * taken for a request.
 */
export class LastAnswers {
  readonly #modules: LastAnswerModules
  readonly #ending = new WeakSet<Socket>()
  #server: Pick<Server, 'keepAliveTimeout'> | undefined

  constructor(modules: LastAnswerModules) {
    this.#modules = modules
  }

  /** Ends all connections of a server like this. Fastify takes {@link onClientError} as an option too. */
  watch(server: Server | HttpsServer): void {
    this.#server = server
    const opened = (socket: Socket): void => {
      // Node calls it after an answer with `Connection: close`, though more of the request may come.
      socket.destroySoon = () => this.end(socket)
    }
    // Not before the end of a handshake: below HTTP no client would read an answer.
    if (server instanceof HttpsServer) server.on('secureConnection', opened)
    else server.on('connection', opened)
    if (server.listenerCount('clientError') === 0) server.on('clientError', this.onClientError)
    // Without a listener Node closes such a connection, and says nothing.
    server.on('connect', ({ socket }) => {
      this.answerSwitch(socket, this.#modules.inWords(501, 'This server opens no tunnels (CONNECT).'))
    })
  }

  /** Handles `clientError` of Node's server, which reports failed handshakes as well. */
  readonly onClientError = (error: ConnectionError, socket: Socket): void => {
    const { inWords, failed } = this.#modules
    failed?.(error, socket)
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0 && this.#server) {
      // Node counts headersTimeout from the moment a connection opens. Go opens spare connections and keeps
      // them for later. It does not repeat a POST that meets a closing one (kubernetes.md, Connections).
      this.#keepUnused(socket, this.#server.keepAliveTimeout)
      return
    }
    // It fails again when the client's end comes, after its answer.
    if (error.code === 'ECONNRESET' || isOver(socket)) return
    // Below HTTP no client would read an HTTP answer.
    if (!socket.writable || /^ERR_(?:SSL|TLS)/.test(error.code ?? '')) socket.destroy(error)
    else this.answer(socket, inWords(...(problems.get(error.code) ?? noHttp)))
  }

  /** Not with a timeout of the socket: Node would apply it to the answer of the first request too, and cut a watch. */
  #keepUnused(socket: Socket, ms: number): void {
    const { timers = systemClock } = this.#modules
    const cancel = timers.setTimer(ms, () => {
      if (socket.bytesRead === 0) socket.destroy()
    })
    socket.once('close', cancel)
  }

  /** Answers on a connection, and ends it. If another answer is half written, it is cut off. */
  answer(socket: Socket, { status, headers, body }: LastAnswer): void {
    const before = underWay(socket)
    if (before?.headersSent === true && !before.writableEnded) {
      socket.destroy()
      return
    }
    const all = { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    this.end(socket, `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`)
  }

  /**
   * Answers a request for another protocol, and ends its connection. If a request before it has no answer yet, the client would
   * take this one for that: so the connection is cut.
   */
  answerSwitch(socket: Socket, answer: LastAnswer): void {
    const before = underWay(socket)
    if (before && !before.writableEnded) socket.destroy()
    else this.answer(socket, answer)
  }

  /** Ends a connection on which the last answer is written, but for this rest. */
  end(socket: Socket, rest = ''): void {
    if (socket.destroyed || this.#ending.has(socket)) return
    this.#ending.add(socket)
    // After a change of protocol Node no longer listens.
    socket.on('error', () => undefined)
    readPast(socket)
    const { timers = systemClock } = this.#modules
    const cancel = timers.setTimer(lastAnswerMs, () => socket.destroy())
    socket.once('close', cancel)
    if (!socket.writableEnded) socket.end(rest)
  }
}

/** Reads a connection on, and drops what comes. */
function readPast(socket: Socket): void {
  // Node's parser stops and starts the reading itself, with these events. Without it the socket believes that it reads already.
  socket.pause().once('resume', () => {
    // The parser would take these bytes for requests. It reads past all listeners until another one is added.
    socket.on('data', () => undefined).removeAllListeners('data')
    socket.resume()
  })
  socket.resume()
}

/** The answer that is written next. Node's own handler looks at it too, and there is no other way to it. */
function underWay(socket: Socket): ServerResponse | undefined {
  const answer: unknown = Reflect.get(socket, '_httpMessage')
  return answer instanceof ServerResponse ? answer : undefined
}

type Problem = readonly [status: number, sentence: string]

const problems = new Map<string | undefined, Problem>([
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'The request did not arrive in time.']],
  ['HPE_HEADER_OVERFLOW', [431, 'The headers of the request are too large.']],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', [413, 'The chunk extensions of the request are too large.']],
])

const noHttp: Problem = [400, 'This is not an HTTP/1.1 request.']

/** A sentence as JSON, `{"error": …}`. */
export function asJson(status: number, sentence: string): LastAnswer {
  return {
    status,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ error: sentence }),
  }
}
