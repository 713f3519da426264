import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { forwardThenRelease } from '../../../src/doors/proxy/judged-request.ts'
import { RelayFailure } from '../../../src/doors/proxy/relay-failure.ts'
import { ask, type Upstream } from '../../../src/doors/proxy/relay.ts'
import { tunnel } from '../../../src/doors/proxy/tunnel.ts'

/** An address at which this becomes of each connection. */
async function serving(t: Test, onConnection: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function upstreamAt(server: string, agent?: http.Agent): Upstream {
  return { server: new URL(server), host: undefined, options: () => ({ agent }) }
}

/** Passes a write on that was admitted, with so long for an answer. @returns the fate of the write and of its reservation */
async function passedOn(upstream: Upstream, answerMs: number, isLate?: () => boolean) {
  let released = false
  const release = (): Promise<void> => {
    released = true
    return Promise.resolve()
  }
  const outgoing = { method: 'PUT', target: '/', headers: [], body: Buffer.from('x') }
  const forward = (late?: () => boolean) => ask(upstream, { ...outgoing, isLate: late }, { answerMs })
  try {
    await forwardThenRelease(forward, { release, isLate })
  } catch (error) {
    if (error instanceof RelayFailure) return { released, failure: error }
    throw error
  }
  throw new Error('it was answered')
}

const silent = (socket: net.Socket): void => void socket.resume()
const cut = (socket: net.Socket): void => void socket.once('data', () => socket.destroy())

// Time is up only where the case is about it. A busy machine may take a second to connect.
const never = 60_000
const soon = 60
const connected = 1_000

const cases: readonly (readonly [
  what: string,
  upstream: (t: Test) => Promise<Upstream>,
  answerMs: number,
  status: number,
  asked: boolean,
])[] = [
  [
    'whose address is not found in time',
    () => {
      const lost = new http.Agent({ lookup: () => undefined })
      return Promise.resolve(upstreamAt('http://localhost:1', lost))
    },
    soon,
    504,
    false,
  ],
  [
    'that does not shake hands in time',
    async (t) => upstreamAt(`https://127.0.0.1:${await serving(t, silent)}`),
    soon,
    504,
    false,
  ],
  [
    'that breaks off while shaking hands',
    async (t) => upstreamAt(`https://127.0.0.1:${await serving(t, cut)}`),
    never,
    502,
    false,
  ],
  [
    'that does not answer in time',
    async (t) => upstreamAt(`http://127.0.0.1:${await serving(t, silent)}`),
    connected,
    504,
    true,
  ],
  [
    'that breaks off instead of answering',
    async (t) => upstreamAt(`http://127.0.0.1:${await serving(t, cut)}`),
    never,
    502,
    true,
  ],
]

for (const [what, at, answerMs, status, asked] of cases) {
  const kept = asked ? 'stays' : 'is taken back'
  t.test(`a reservation ${kept} for a write to an API ${what}`, async (t) => {
    for (const isLate of [undefined, () => false]) {
      const { released, failure } = await passedOn(await at(t), answerMs, isLate)
      t.match(failure, { status, asked })
      t.equal(released, !asked)
      if (status === 504)
        t.match(
          failure.message,
          asked ? 'may still take effect' : 'It has not received the request: try again',
        )
    }
  })
}

t.test('a tunnel to an API without a connection gets 504 too', async (t) => {
  const upstream = upstreamAt(`https://127.0.0.1:${await serving(t, silent)}`)
  const request = new http.IncomingMessage(new net.Socket())
  const upgrade = { request, socket: new net.Socket(), head: Buffer.alloc(0) }
  const failure = await tunnel(upstream, upgrade, { answerMs: soon }).catch((error: unknown) => error)
  t.match(failure, { status: 504, asked: false })
})
