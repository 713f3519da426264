import { Type } from 'typebox'
import { absent, parser } from '../json/schema.ts'
import { group, kinds } from '../longhorn/kinds.ts'
import { within } from '../time/clock.ts'
import type { Connection } from './client/connection.ts'
import { jsonRequest } from './client/json-request.ts'

const parseReview = parser(
  Type.Object({ status: Type.Object({ userInfo: Type.Object({ username: Type.String() }) }) }),
  ({ status }) => status.userInfo.username,
)

const parseAccess = parser(
  Type.Object({ status: Type.Object({ allowed: absent(Type.Boolean()) }) }),
  ({ status }) => status.allowed ?? false,
)

/** Nothing waits for long for what only tells more. */
const answerMs = 5_000

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
    // What it is noted on says when and what all the same.
    return ''
  }
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
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
  try {
    const answer = await jsonRequest(connection, {
      method: 'POST',
      path,
      json,
      signal: within(answerMs, signal),
    })
    const allowed = parseAccess(answer)
    return allowed.ok ? allowed.value : undefined
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}
