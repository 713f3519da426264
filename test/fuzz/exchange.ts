import { connect, type Socket } from 'node:net'
import { readAnswers, type Answers } from './http-answers.ts'
import { silentMs } from './violation.ts'

/** The bytes of a connection. */
export interface Saying {
  readonly bytes: Buffer
  /** False for a request that may be incomplete: then it needs no answer, and the connection is half-closed after it. */
  readonly isWhole: boolean
}

/** The result: answers, or a close without any. */
export type Exchanged = Answers | { readonly state: 'closed' } | { readonly state: 'silent' }

/** Says something on a connection on which nothing is under way, and waits for whole answers, or for its end. */
export async function exchange(socket: Socket, { bytes, isWhole }: Saying): Promise<Exchanged> {
  const mayBeHead = bytes.includes('HEAD')
  let all: Buffer = Buffer.alloc(0)
  const ends: (() => void)[] = []
  try {
    return await new Promise((resolve) => {
      const listenTo = (event: string, listener: (chunk: Buffer) => void): void => {
        socket.on(event, listener)
        ends.push(() => socket.off(event, listener))
      }
      socket.setTimeout(silentMs)
      listenTo('timeout', () => resolve({ state: 'silent' }))
      listenTo('data', (chunk) => {
        all = all.length === 0 ? chunk : Buffer.concat([all, chunk])
        // Bytes that may be several requests are read to their end.
        const answers = isWhole ? readAnswers(all, false, mayBeHead) : undefined
        if (answers && answers.state !== 'part') resolve(answers)
      })
      listenTo('close', () =>
        resolve(all.length === 0 ? { state: 'closed' } : readAnswers(all, true, mayBeHead)),
      )
      if (socket.destroyed) resolve({ state: 'closed' })
      socket.write(bytes)
      if (!isWhole) socket.end()
    })
  } finally {
    for (const end of ends) end()
  }
}

/** One client: it keeps its connection for the next request where it can. */
export class Line {
  port = 0
  #socket: Socket | undefined

  async exchange(wanted: Saying): Promise<Exchanged> {
    const kept = this.#socket
    const socket = kept && !kept.destroyed && kept.readable ? kept : this.#open()
    this.#socket = undefined
    const came = await exchange(socket, wanted)
    if (wanted.isWhole && came.state === 'whole' && !came.closes) this.#socket = socket
    else socket.destroy()
    return came
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Socket {
    const socket = connect(this.port, '127.0.0.1')
    // A reset after the answer is as good as an end.
    socket.on('error', () => undefined)
    return socket
  }
}
