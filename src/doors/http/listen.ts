import type { Server as HttpsServer } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { inWords } from '../../text/system-error.ts'

/** Thrown if a port cannot be used. */
export class CannotListen extends Error {
  constructor(what: string, host: string, port: number, cause: unknown) {
    super(
      `Cannot listen on ${host} port ${port} for ${what}: ${inWords(cause)}. Choose another port or address`,
      { cause },
    )
    this.name = 'CannotListen'
  }
}

/** Any of Holdfast's servers. */
type App = FastifyInstance<HttpsServer> | FastifyInstance

/** Listens. @param what for the message, with the flag that chooses the port. @throws CannotListen */
export async function listen(app: App, what: string, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host: await anyAddress(host), port })
  } catch (error) {
    throw new CannotListen(what, host, port, error)
  }
}

/** The port of a listening server. */
export function portOf(app: App): number {
  const address: AddressInfo | string | null = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** All addresses of both families, if the machine has IPv6. */
const both = '::'
const ofIPv4 = '0.0.0.0'

/** Tries to listen somewhere, on any free port, for a moment. @throws an Error of Node if it cannot */
type TryListening = (host: string) => Promise<void>

/**
 * The address to listen on: `::` is all addresses of both families, or all of IPv4 if the kernel has no IPv6.
 */
export async function anyAddress(host: string, tryListening: TryListening = once): Promise<string> {
  if (host !== both) return host
  try {
    await tryListening(both)
    return both
  } catch {
    // Any other error appears when it really listens.
    return ofIPv4
  }
}

async function once(host: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, () => server.close(() => resolve()))
  })
}
