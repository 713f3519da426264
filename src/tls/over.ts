import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** True for a connection that is closed, or that closes after its last answer. Nobody reads another answer on it. */
export function isOver(socket: Socket): boolean {
  return socket.destroyed || socket.writableEnded
}

/** What is called for each connection once it is over. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls when an answer is over, perhaps more than once: it is written, or nobody reads it any more. Node tells that of the next
 * answer of a connection alone, so this looks at the connection itself.
 */
export function onceOver(response: ServerResponse, call: () => void): void {
  const { socket } = response.req
  if (isOver(socket)) call()
  const here = waiting.get(socket) ?? waitingOn(socket)
  here.add(call)
  response.once('close', () => {
    // A connection is used for days, so it forgets what is answered.
    here.delete(call)
    call()
  })
}

function waitingOn(socket: Socket): Set<() => void> {
  const here = new Set<() => void>()
  waiting.set(socket, here)
  const end = (): void => {
    for (const call of here) call()
  }
  // The former comes first where a last answer ends the connection: see LastAnswers.
  socket.once('finish', end).once('close', end)
  return here
}
