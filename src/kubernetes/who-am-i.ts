import { Type } from 'typebox'
import { parser } from '../json/schema.ts'
import { within } from '../time/clock.ts'
import type { Connection } from './client/connection.ts'
import { jsonRequest } from './client/json-request.ts'

const parseReview = parser(
  Type.Object({ status: Type.Object({ userInfo: Type.Object({ username: Type.String() }) }) }),
  ({ status }) => status.userInfo.username,
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
