import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { entries, object } from '../../src/sandbox/json.ts'
import type { CrashRecord } from '../../src/sandbox/controllers/report.ts'
import { versionOf } from './verdict-oracle.ts'

/** Of each object, and enough for the longest lag of a cache. */
const remembered = 100

/** A panic, and how old what the manager saw was, in milliseconds. */
export interface Panic {
  readonly crash: CrashRecord
  readonly nodeForMs: number
  readonly imageForMs: number
}

/** A version with other flags, or other copies, than the one before. */
interface Turn {
  readonly version: number
  readonly at: number
  readonly state: string
}

/**
 * Remembers when the flags of each node and the copies of each image changed, so that a panic tells how late its manager was.
 * Other writes, such as a heartbeat, do not make a manager late.
 */
export class SeenVersions {
  readonly #turns = new Map<string, Turn[]>()

  /** @param now in milliseconds, of a clock that never goes back */
  note(object: ClusterObject, now: number): void {
    const key = keyOf(object.kind, object.metadata.name)
    const turns = this.#turns.get(key) ?? []
    if (turns.length === 0) this.#turns.set(key, turns)
    const [version, state, last] = [versionOf(object), stateOf(object), turns.at(-1)]
    if (last !== undefined && (version <= last.version || state === last.state)) return
    turns.push({ version, at: now, state })
    if (turns.length > remembered) turns.shift()
  }

  /** @returns the crash, and for how long what its manager saw of both objects had been over: 0 if it was not */
  panic(crash: CrashRecord, now: number): Panic {
    return {
      crash,
      nodeForMs: this.#overFor(keyOf('Node', crash.node), crash.seen.node, now),
      imageForMs: this.#overFor(keyOf('BackingImage', crash.image), crash.seen.image, now),
    }
  }

  #overFor(key: string, version: string, now: number): number {
    const next = this.#turns.get(key)?.find((turn) => turn.version > Number(version))
    return next ? now - next.at : 0
  }
}

/** For people who look for the reason. */
export function panicText({ crash, nodeForMs, imageForMs }: Panic): string {
  const ages = [nodeForMs, imageForMs].map((ms) => (ms / 1_000).toFixed(1))
  return `${crash.node} at ${crash.at}: its flags had changed ${ages[0] ?? ''} s before, the copies of ${crash.image} ${ages[1] ?? ''} s before`
}

/** What a manager crashes by: the flags of a node, the wanted and the real copies of an image. */
function stateOf({ spec, status }: ClusterObject): string {
  const { evictionRequested, disks, diskFileSpecMap } = object(spec)
  const flags = [...entries(disks)].map(([name, disk]) => [name, object(disk).evictionRequested])
  const copies = [diskFileSpecMap, object(status).diskFileStatusMap].map((map) =>
    [...entries(map).keys()].sort(),
  )
  return JSON.stringify([evictionRequested, flags, copies])
}

function keyOf(kind: string, name: string): string {
  return `${kind}/${name}`
}
