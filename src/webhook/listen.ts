import type { Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { anyAddress } from './any-address.ts'

/** Thrown when a port cannot be listened on. */
export class CannotListen extends Error {
  constructor(what: string, host: string, port: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(`Cannot listen on ${host} port ${port} for ${what}: ${why}. Choose another port or address`, {
      cause,
    })
    this.name = 'CannotListen'
  }
}

/** Any of our servers. */
type App = FastifyInstance<HttpsServer> | FastifyInstance

/** Listens. @param what for the message, with the flag that chooses the port. @throws CannotListen */
export async function listen(app: App, what: string, host: string, port: number): Promise<void> {
  try {
    await app.listen({ host: await anyAddress(host), port })
  } catch (error) {
    throw new CannotListen(what, host, port, error)
  }
}

/** The port that a server has taken. */
export function portOf(app: App): number {
  const address: AddressInfo | string | null = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
