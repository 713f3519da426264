import type { Connection } from '../kubernetes/connection.ts'
import { defaultPolicy } from '../rules/policy.ts'
import type { NoticeTimes } from '../rules/unnoticed.ts'
import type { ClusterFlags } from './cluster-options.ts'
import { guardPlace } from './guard-place.ts'
import { GuardStatus } from './guard-status.ts'
import type { Environment } from './surroundings.ts'

/** How long what has ended still counts for the guard. */
export interface GuardSettle extends NoticeTimes {
  /** Why the replicas could not be asked, for people; undefined if they have answered. */
  readonly problem: string | undefined
}

/**
 * How long the guard lets what has ended count: the longest that its replicas say, since any of them may decide. If one
 * does not answer, or is of an older version, it is the default. It never throws but the signal's reason.
 */
export async function guardSettle(
  connection: Connection,
  flags: ClusterFlags & { readonly operatorPort: number },
  environment: Environment,
  signal: AbortSignal,
): Promise<GuardSettle> {
  const namespace = await guardPlace(connection, flags, { signal })
  let problem: string | undefined
  const guard = await GuardStatus.open(
    { ...flags, namespace, environment },
    connection,
    signal,
    (why) => (problem = why),
  )
  await guard.stop()
  const told: NoticeTimes[] = []
  for (const { replica, settle } of guard.replicas ?? []) {
    if (settle) told.push(settle)
    else problem ??= `replica ${replica} is of a version that does not say it`
  }
  if (problem !== undefined || told.length === 0) {
    const { settleMs, settleAfterOutageMs } = defaultPolicy
    return { settleMs, settleAfterOutageMs, problem: problem ?? 'no replica has answered' }
  }
  return {
    settleMs: Math.max(...told.map(({ settleMs }) => settleMs)),
    settleAfterOutageMs: Math.max(...told.map(({ settleAfterOutageMs }) => settleAfterOutageMs)),
    problem: undefined,
  }
}
