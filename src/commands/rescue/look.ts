import { Type } from 'typebox'
import { parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { readFailure } from '../../kubernetes/client/read-failure.ts'
import { jsonRequest } from '../../kubernetes/client/json-request.ts'
import { monotonicMs, within } from '../../time/clock.ts'
import { Looker } from '../doctor/cluster-reader.ts'
import {
  managerContainer,
  type ManagerPod,
  managerSelector,
  type Panic,
  panicIn,
  parseManagerPod,
  type SeenPods,
} from './managers.ts'

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
    const looker = new Looker(connection, signal)
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

const parseReview = parser(
  Type.Object({ status: Type.Object({ userInfo: Type.Object({ username: Type.String() }) }) }),
  ({ status }) => status.userInfo.username,
)

/** Who the API server takes us for; empty if it does not say. @throws the signal's reason */
export async function whoAmI(connection: Connection, signal: AbortSignal): Promise<string> {
  const json = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  try {
    const answer = await jsonRequest(connection, {
      method: 'POST',
      path,
      json,
      signal: within(answerMs, signal),
    })
    const user = parseReview(answer)
    return user.ok ? user.value : ''
  } catch {
    signal.throwIfAborted()
    // The note says when and what all the same.
    return ''
  }
}
