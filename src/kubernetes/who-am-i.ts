import { Type } from 'typebox'
import { optional, parser } from '../json/schema.ts'
import { group, kinds } from '../longhorn/kinds.ts'
import { within } from '../time/clock.ts'
import type { Connection } from './client/connection.ts'
import { jsonRequest } from './client/json-request.ts'

const parseReview = parser(
  Type.Object({ status: Type.Object({ userInfo: Type.Object({ username: Type.String() }) }) }),
  ({ status }) => status.userInfo.username,
)

const parseAccess = parser(
  Type.Object({ status: Type.Object({ allowed: optional(Type.Boolean()) }) }),
  ({ status }) => status.allowed ?? false,
)

/** Nothing waits for long for what only tells more. */
const answerMs = 5_000

/** Who the API server takes us for; empty if it does not say. @throws the signal's reason */
export async function whoAmI(connection: Connection, signal: AbortSignal): Promise<string> {
  const json = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const user = parseReview(await ask(connection, 'authentication.k8s.io/v1/selfsubjectreviews', json, signal))
  return user.ok ? user.value : ''
}

/** Whether we may patch Longhorn's nodes; undefined if the API server does not say. @throws the signal's reason */
export async function mayPatchNodes(
  connection: Connection,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const resourceAttributes = { verb: 'patch', group, resource: kinds.Node.plural, namespace }
  const json = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  }
  const path = 'authorization.k8s.io/v1/selfsubjectaccessreviews'
  const allowed = parseAccess(await ask(connection, path, json, signal))
  return allowed.ok ? allowed.value : undefined
}

/** Undefined without an answer: its callers go on without. @throws the signal's reason */
async function ask(
  connection: Connection,
  path: string,
  json: object,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    const limited = within(answerMs, signal)
    return await jsonRequest(connection, { method: 'POST', path: `/apis/${path}`, json, signal: limited })
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
