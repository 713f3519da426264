import { once, setMaxListeners } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import tls from 'node:tls'

/** The target of an attack, and its end. */
export interface Target {
  readonly port: number
  /** True for the webhook. */
  readonly isTls: boolean
  readonly signal: AbortSignal
  readonly tally: Tally
}

/**
 * The results of an attack's shots, so that an attack which misses its target cannot pass for a failed one.
 */
export class Tally {
  readonly #counts = new Map<string, number>()

  /** @param outcome the status of the answer, or a word for the failure */
  count(outcome: string): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1)
  }

  /** How often something came of a shot. */
  of(outcome: string): number {
    return this.#counts.get(outcome) ?? 0
  }

  toString(): string {
    const all = [...this.#counts].toSorted(([a], [b]) => a.localeCompare(b))
    return all.map(([outcome, count]) => `${count} × ${outcome}`).join(', ') || 'none'
  }
}

/** A request of an attacker. */
export interface Shot {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Attackers are other machines than the API server: pods, each with its own address. */
function addressOf(attacker: number): string {
  return `127.0.0.${2 + (attacker % 8)}`
}

/** That many attackers shoot, each one shot after the other, until the end. They ignore the answers. */
export async function shootAt(
  { port, isTls, signal, tally }: Target,
  attackers: number,
  next: () => Shot,
): Promise<void> {
  setMaxListeners(0, signal)
  await Promise.all(
    Array.from({ length: attackers }, async (_, at) => {
      const options = {
        keepAlive: true,
        maxSockets: 1,
        localAddress: addressOf(at),
        rejectUnauthorized: false,
      }
      const agent = isTls ? new https.Agent(options) : new http.Agent(options)
      while (!signal.aborted) {
        const status = await shoot(port, agent, next(), signal)
        tally.count(status === undefined ? 'no answer' : String(status))
        if (status === undefined) await pause(20, signal)
      }
      agent.destroy()
    }),
  )
}

/** @returns the status, or undefined without an answer */
async function shoot(
  port: number,
  agent: http.Agent,
  shot: Shot,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { method, path, body } = shot
  const send = agent instanceof https.Agent ? https.request : http.request
  const headers = { ...shot.headers, 'content-length': String(body.length) }
  return await new Promise((resolve) => {
    const sent = send({ host: '127.0.0.1', port, agent, method, path, headers, signal }, (answer) => {
      answer.resume()
      answer.on('close', () => resolve(answer.statusCode))
      answer.on('error', () => resolve(undefined))
    })
    sent.on('error', () => resolve(undefined))
    sent.end(body)
  })
}

/**
 * That many connections stay open until the end; a closed one is opened again.
 *
 * @param talk called with each open connection
 */
export async function occupy(
  { port, isTls, signal, tally }: Target,
  connections: number,
  talk: (socket: Socket) => Promise<void> | void,
): Promise<void> {
  setMaxListeners(0, signal)
  await Promise.all(
    Array.from({ length: connections }, async (_, at) => {
      // Not all in one moment, since that would be an attack on this program.
      await pause((at * 2_000) / connections, signal)
      while (!signal.aborted) {
        const socket = await opened(port, isTls, at, signal)
        tally.count(socket ? opening : 'not opened')
        if (socket) {
          const closed = emitted(socket, 'close')
          await talk(socket)
          await Promise.race([closed, over(signal)])
          socket.destroy()
        }
        await pause(100, signal)
      }
    }),
  )
}

/** The counters of each open connection. */
export const opening = 'opened'

async function opened(
  port: number,
  isTls: boolean,
  at: number,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  const options = { port, host: '127.0.0.1', localAddress: addressOf(at), rejectUnauthorized: false }
  const socket = isTls ? tls.connect(options) : net.connect(options)
  socket.on('error', () => undefined)
  socket.resume()
  const isOpen = await Promise.race([
    emitted(socket, isTls ? 'secureConnect' : 'connect').then(() => true),
    emitted(socket, 'close').then(() => false),
    over(signal).then(() => false),
  ])
  if (isOpen) return socket
  socket.destroy()
  return undefined
}

/** Errors come before the end, and are no matter to an attacker. */
function emitted(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()))
}

/** Resolves at once if it is over. */
async function over(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}

/** Ends early once it is over. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
