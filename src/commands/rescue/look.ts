import type { Connection } from '../../kubernetes/client/connection.ts'
import { readFailure } from '../../kubernetes/client/read-failure.ts'
import { monotonicMs, within } from '../../time/clock.ts'
import { ClusterReader } from '../doctor/cluster-reader.ts'
import {
  managerContainer,
  type ManagerPod,
  managerSelector,
  type Panic,
  panicIn,
  parseManagerPod,
  type SeenPods,
} from '../../rules/rescue/managers.ts'

/** Where the managers are. */
interface Place {
  readonly connection: Connection
  readonly longhornNamespace: string
  readonly signal: AbortSignal
}

/** The cure does not wait for what only tells more. */
const answerMs = 5_000

/** Follows the pods of the managers by looking at them again and again. */
export class ManagerWatch {
  readonly #place: Place
  #pods: SeenPods = { problem: 'nobody has looked at them yet' }
  #lookedAt = -Infinity
  #looking: Promise<void> | undefined

  constructor(place: Place) {
    this.#place = place
  }

  /** As they were when they were last looked at. */
  get pods(): SeenPods {
    return this.#pods
  }

  /** Looks again, unless what is known is younger than this. @throws the signal's reason */
  async look(olderThanMs = 0): Promise<void> {
    if (monotonicMs() - this.#lookedAt < olderThanMs) return
    await (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)))
  }

  async #look(): Promise<void> {
    const { connection, longhornNamespace, signal } = this.#place
    const place = { group: '', version: 'v1', plural: 'pods', namespace: longhornNamespace }
    const looker = new ClusterReader(connection, signal)
    const looked = await looker.list({ ...place, labelSelector: managerSelector }, parseManagerPod)
    this.#lookedAt = monotonicMs()
    this.#pods =
      'seen' in looked && looked.seen.length === 0
        ? { problem: `no pod in ${longhornNamespace} has label ${managerSelector}` }
        : looked
  }
}

/** How the previous log of each pod ends, by the name of the pod. @throws the signal's reason */
export async function readPanics(
  pods: readonly ManagerPod[],
  place: Place,
): Promise<ReadonlyMap<string, Panic>> {
  const read = pods.map(async ({ name }) => [name, await readPanic(name, place)] as const)
  return new Map(await Promise.all(read))
}

async function readPanic(pod: string, { connection, longhornNamespace, signal }: Place): Promise<Panic> {
  const path = `/api/v1/namespaces/${encodeURIComponent(longhornNamespace)}/pods/${encodeURIComponent(pod)}/log`
  const query = { container: managerContainer, previous: true, tailLines: 500 }
  try {
    const soon = within(answerMs, signal)
    const response = await connection.request({ method: 'GET', path, query, signal: soon })
    const text = await response.text()
    if (response.status !== 200)
      throw readFailure(`GET ${path}`, response.status, text, response.headers['retry-after'])
    return panicIn(text)
  } catch (error) {
    signal.throwIfAborted()
    return { found: 'no log', problem: error instanceof Error ? error.message : String(error) }
  }
}
