import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import type { Test } from 'tap'
import { runCommandLine } from '../../src/command-line.ts'

/** The client's messages: first `args` and `env`, then the rest as it comes. */
export type FromClient =
  | { readonly args: readonly string[]; readonly env: Readonly<Record<string, string | undefined>> }
  /** A piece of its standard input; null at its end. */
  | { readonly stdin: string | null }
  | { readonly signal: string }

/** The orders to the client. */
export type ToClient = { readonly stdout: string } | { readonly stderr: string } | { readonly exit: number }

/**
 * Runs command lines within this process for the clients of `client.mjs`, each with what it says its process has. Only the
 * working folder is that of this process.
 *
 * @returns the port where it listens, on 127.0.0.1
 */
export async function commandLineServer(t: Pick<Test, 'teardown'>): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    // A client that was killed.
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function serve(socket: Socket): void {
  const stdin = new PassThrough()
  let onSignal: (signal: string) => void = () => undefined
  const signalled = new Promise<string>((resolve) => (onSignal = resolve))
  const send = (message: ToClient): void => void socket.write(`${JSON.stringify(message)}\n`)
  createInterface({ input: socket }).on('line', (line) => {
    const message = JSON.parse(line) as FromClient
    if ('signal' in message) onSignal(message.signal)
    else if ('stdin' in message) stdin.push(message.stdin)
    else void run(message.args, message.env)
  })
  const run = async (args: readonly string[], env: Readonly<Record<string, string | undefined>>) => {
    const exit = await runCommandLine(args, {
      env,
      isInteractive: false,
      stdin: () => stdin,
      stdout: { write: (stdout) => send({ stdout }) },
      stderr: { write: (stderr) => send({ stderr }) },
      untilSignal: () => signalled,
      onHangup: () => () => undefined,
      onStdoutClosed: () => () => undefined,
      measureProcess: () => Promise.resolve(),
    })
    send({ exit })
  }
}
