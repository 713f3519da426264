import { Type } from 'typebox'
import { parser } from '../longhorn/parse.ts'
import type { Parsed } from '../longhorn/parsed.ts'
import type { GuardReplica } from './status.ts'

const Ms = Type.Number()

/** Replicas of an older version tell times of day, which are passed over: their clock may be another one. */
const parseReplica = parser(
  Type.Object({
    replica: Type.String(),
    version: Type.String(),
    synced: Type.Boolean(),
    holds: Type.Number(),
    settleMs: Type.Optional(Ms),
    settleAfterOutageMs: Type.Optional(Ms),
    lostAfterMs: Type.Optional(Ms),
    pendingCleanups: Type.Optional(
      Type.Array(
        Type.Object({ image: Type.String(), diskUUID: Type.String(), pendingMs: Type.Optional(Ms) }),
      ),
    ),
    settling: Type.Optional(Type.Array(Type.Object({ node: Type.String(), leftMs: Type.Optional(Ms) }))),
  }),
  (answer) => answer,
)

/**
 * What a replica of the guard has answered, with lengths of time turned into times by this process's own clock. The way
 * of the answer makes ages a little too short and ends a little too late, which is the careful side of both.
 *
 * @param answer untrusted JSON
 * @param heardAt when it came, in milliseconds by the monotonic clock
 */
export function heardReplica(answer: unknown, heardAt: number): Parsed<GuardReplica> {
  const parsed = parseReplica(answer)
  if (!parsed.ok) return parsed
  const { replica, version, synced, holds, settleMs, settleAfterOutageMs, lostAfterMs } = parsed.value
  const { pendingCleanups = [], settling = [] } = parsed.value
  const isTold = settleMs !== undefined && settleAfterOutageMs !== undefined
  return {
    ok: true,
    value: {
      replica,
      version,
      synced,
      holds,
      settle: isTold ? { settleMs, settleAfterOutageMs } : undefined,
      ...(lostAfterMs !== undefined && { lostAfterMs }),
      pendingCleanups: pendingCleanups.flatMap(({ image, diskUUID, pendingMs }) =>
        pendingMs === undefined ? [] : [{ image, diskUUID, since: heardAt - pendingMs }],
      ),
      settling: settling.flatMap(({ node, leftMs }) =>
        leftMs === undefined ? [] : [{ node, until: heardAt + leftMs }],
      ),
    },
  }
}
