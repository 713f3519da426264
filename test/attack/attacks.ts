import type { Socket } from 'node:net'
import { occupy, opening, pause, shootAt, type Shot, type Target } from './attackers.ts'
import type { Output } from './guard-process.ts'
import * as shots from './shots.ts'

/** One attack, and its target. */
export interface Attack {
  readonly name: string
  readonly door: 'webhook' | 'kubernetes' | 'longhorn'
  /** The fault of its log output. */
  readonly output?: Output
  /** True: the disk of its audit file hangs. */
  readonly diskHangs?: boolean
  /** The result that at least one shot must have; otherwise the attack missed its target. */
  readonly comesTo: string
  /** Goes on until it is over. */
  readonly go: (target: Target) => Promise<unknown>
}

// As large as reviews are read.
const cleanups = shots.cleanupOf(10_000)
const renamings = shots.renamingOf(5_000)
const evenly = (...choices: (() => Shot)[]): (() => Shot) => {
  let turn = 0
  return () => (choices[turn++ % choices.length] ?? shots.forgery)()
}

/** Sends the beginning of something, and no more. */
const half = (head: string, bytes: number) => (socket: Socket) => {
  socket.write(head)
  const chunk = Buffer.alloc(64 * 1024, ' ')
  for (let sent = 0; sent < bytes; sent += chunk.length) socket.write(chunk)
}

const headOf = (line: string, length: number): string =>
  `${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`

/** A byte each half second. */
const slowly = (text: string, signal: AbortSignal) => async (socket: Socket) => {
  for (const byte of text) {
    if (signal.aborted || socket.destroyed) return
    socket.write(byte)
    await pause(500, signal)
  }
}

const upgrade =
  'GET /v1/ws/nodes HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'
const review = headOf('POST /validate?timeout=10s', 8_000_000)
const nodePath = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/node-4'

/** All of them, in the order in which they are tried. */
export const attacks: readonly Attack[] = [
  {
    name: 'clean-ups of 10,000 copies, nodes of 5,000 disks, 8 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) =>
      shootAt(
        target,
        8,
        evenly(
          () => cleanups,
          () => renamings,
        ),
      ),
  },
  {
    name: 'many values: disks, lists, annotations and groups, 8 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 8, shots.manyValues),
  },
  {
    name: 'forged reviews and creations, 64 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 64, shots.forgery),
  },
  {
    name: 'dry runs with reasons of 256 KiB, 32 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 32, shots.longReason),
  },
  {
    name: 'names that act on a terminal, 32 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 32, shots.hostileNames),
  },
  {
    name: 'forged callers of 2 MB, 16 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 16, shots.forgedCaller),
  },
  {
    name: 'forged Events, 32 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 32, shots.forgedEvents),
  },
  {
    name: 'bodies of 8 and 9 MB, 8 at a time',
    door: 'webhook',
    comesTo: '200',
    go: (target) => shootAt(target, 8, shots.hugeBody),
  },
  {
    name: 'bodies that are half sent, 200',
    door: 'webhook',
    comesTo: opening,
    go: (target) => occupy(target, 200, half(review, 4_000_000)),
  },
  {
    name: 'silent connections, 3,000',
    door: 'webhook',
    comesTo: opening,
    go: (target) => occupy(target, 3_000, () => undefined),
  },
  {
    name: 'headers byte by byte, 400',
    door: 'webhook',
    comesTo: opening,
    go: (target) => occupy(target, 400, slowly(review, target.signal)),
  },
  {
    name: 'upgrades, 400',
    door: 'webhook',
    comesTo: opening,
    go: (target) => occupy(target, 400, half(upgrade, 100_000)),
  },
  {
    name: 'denials while the disk of the audit hangs',
    door: 'webhook',
    diskHangs: true,
    comesTo: '200',
    go: (target) => shootAt(target, 32, shots.forgedEvents),
  },
  {
    name: 'denials while standard output is closed',
    door: 'webhook',
    output: 'closed',
    comesTo: '200',
    go: (target) => shootAt(target, 32, shots.forgedEvents),
  },
  {
    name: 'denials while nobody reads standard output',
    door: 'webhook',
    output: 'stalled',
    comesTo: '200',
    go: (target) => shootAt(target, 32, shots.forgedEvents),
  },
  {
    name: 'YAML bombs without a token, 8 at a time',
    door: 'kubernetes',
    comesTo: '401',
    go: (target) => shootAt(target, 8, shots.yamlBomb),
  },
  {
    name: 'large deletes without a token, 8 at a time',
    door: 'kubernetes',
    comesTo: '401',
    go: (target) => shootAt(target, 8, shots.largeDelete),
  },
  {
    name: 'judged bodies that are half sent, 200',
    door: 'kubernetes',
    comesTo: opening,
    go: (target) => occupy(target, 200, half(headOf(`PATCH ${nodePath}`, 3_000_000), 1_500_000)),
  },
  {
    name: 'held upgrades, 1,500',
    door: 'longhorn',
    comesTo: opening,
    go: (target) => occupy(target, 1_500, half(upgrade, 0)),
  },
  {
    name: 'judged bodies that are half sent, 200',
    door: 'longhorn',
    comesTo: opening,
    go: (target) => occupy(target, 200, half(headOf('PUT /v1/nodes/node-4', 3_000_000), 1_500_000)),
  },
  {
    name: 'headers byte by byte, 400',
    door: 'longhorn',
    comesTo: opening,
    go: (target) => occupy(target, 400, slowly(review, target.signal)),
  },
]
