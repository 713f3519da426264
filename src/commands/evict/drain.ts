import { Type } from 'typebox'
import { optional, parser } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { ApiFailure } from '../../kubernetes/client/failures.ts'
import { jsonRequest, MalformedAnswer } from '../../kubernetes/client/json-request.ts'
import { type Clock, pause } from '../../time/clock.ts'
import { CannotRun } from '../surroundings.ts'
import type { EvictionStep } from './next-step.ts'

/** How far a Kubernetes node is drained. */
type Drained = Extract<EvictionStep, { step: 'wait-for-drain' | 'drained' }>

const Owner = Type.Object({ kind: Type.String(), controller: optional(Type.Boolean()) })

const parsePods = parser(
  Type.Object({
    items: optional(
      Type.Array(
        Type.Object({
          metadata: Type.Object({
            name: Type.String(),
            namespace: Type.String(),
            annotations: optional(Type.Record(Type.String(), Type.String())),
            ownerReferences: optional(Type.Array(Owner)),
          }),
        }),
      ),
    ),
  }),
  ({ items }) => items ?? [],
)

const parseNode = parser(
  Type.Object({ spec: optional(Type.Object({ unschedulable: optional(Type.Boolean()) })) }),
  ({ spec }) => spec?.unschedulable ?? false,
)

/** The kubelet's own pods have it: they stand in files on the node. */
const mirror = 'kubernetes.io/config.mirror'

/**
 * Looks how far a node is drained. `kubectl drain` leaves the pods of DaemonSets and of the kubelet, and so they do not
 * count; all others have to be gone, Longhorn's instance-manager too.
 *
 * @throws CannotRun where that cannot be told, or the signal's reason
 */
export async function lookForDrain(
  node: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<Drained> {
  const cordoned = valueOf(
    parseNode(await read(connection, `/api/v1/nodes/${encodeURIComponent(node)}`, {}, signal)),
  )
  const query = { fieldSelector: `spec.nodeName=${node}` }
  const pods = valueOf(parsePods(await read(connection, '/api/v1/pods', query, signal)))
  const left = pods
    .filter(({ metadata: { annotations, ownerReferences } }) => {
      const isDaemon = ownerReferences?.some(
        ({ kind, controller }) => kind === 'DaemonSet' && controller === true,
      )
      return isDaemon !== true && annotations?.[mirror] === undefined
    })
    .map(({ metadata: { namespace, name } }) => `${namespace}/${name}`)
  if (cordoned && left.length === 0) return { step: 'drained' }
  return { step: 'wait-for-drain', cordoned, pods: left.toSorted() }
}

/**
 * Waits until a node is drained.
 *
 * @param onStep gets each look
 * @throws as {@link lookForDrain}
 */
export async function untilDrained(
  node: string,
  {
    connection,
    signal,
    clock,
    onStep,
  }: {
    readonly connection: Connection
    readonly signal: AbortSignal
    readonly clock: Clock
    readonly onStep: (step: Drained) => void
  },
): Promise<void> {
  for (;;) {
    const step = await lookForDrain(node, connection, signal)
    onStep(step)
    if (step.step === 'drained') return
    await pause(clock, paceMs, signal)
    signal.throwIfAborted()
  }
}

/** A drain takes minutes. */
const paceMs = 2_000

async function read(
  connection: Connection,
  path: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await jsonRequest(connection, { method: 'GET', path, query, signal })
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof ApiFailure) && !(cause instanceof MalformedAnswer)) throw cause
    throw new CannotRun(
      `cannot tell whether the node is drained: ${cause.message}. --wait-for-drain takes the right to get nodes, and to list pods in all namespaces`,
      { cause },
    )
  }
}

function valueOf<T>(parsed: { ok: true; value: T } | { ok: false; problem: string }): T {
  if (parsed.ok) return parsed.value
  throw new CannotRun(
    `cannot tell whether the node is drained: the answer is not what it should be: ${parsed.problem}`,
  )
}
