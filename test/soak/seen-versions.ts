import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
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

/** Remembers when each version of an object came, so that a panic tells how late its manager was. */
export class SeenVersions {
  readonly #came = new Map<string, { readonly version: number; readonly at: number }[]>()

  /** @param now in milliseconds, of a clock that never goes back */
  note(object: ClusterObject, now: number): void {
    const key = keyOf(object.kind, object.metadata.name)
    const came = this.#came.get(key) ?? []
    if (came.length === 0) this.#came.set(key, came)
    if ((came.at(-1)?.version ?? 0) < versionOf(object)) came.push({ version: versionOf(object), at: now })
    if (came.length > remembered) came.shift()
  }

  /** @returns the crash, and for how long newer versions of both objects had been there: 0 for the latest one */
  panic(crash: CrashRecord, now: number): Panic {
    return {
      crash,
      nodeForMs: this.#newerFor(keyOf('Node', crash.node), crash.seen.node, now),
      imageForMs: this.#newerFor(keyOf('BackingImage', crash.image), crash.seen.image, now),
    }
  }

  #newerFor(key: string, version: string, now: number): number {
    const newer = this.#came.get(key)?.find((each) => each.version > Number(version))
    return newer ? now - newer.at : 0
  }
}

/** True for a manager that saw what was older than the guards count for: no guard promises anything then. */
export function isTooLate({ nodeForMs, imageForMs }: Panic, countedForMs: number): boolean {
  return Math.max(nodeForMs, imageForMs) > countedForMs
}

/** For people who look for the reason. */
export function panicText({ crash, nodeForMs, imageForMs }: Panic): string {
  const ages = [nodeForMs, imageForMs].map((ms) => (ms / 1_000).toFixed(1))
  return `${crash.node} at ${crash.at}: newer versions of its node had come ${ages[0] ?? ''} s before, of ${crash.image} ${ages[1] ?? ''} s before`
}

function keyOf(kind: string, name: string): string {
  return `${kind}/${name}`
}
