import type { User } from '../../cluster-client.ts'
import { badRequest } from '../failure.ts'

/** Who asks without `--as`. */
export const sandboxAdmin: User = {
  username: 'sandbox-admin',
  groups: ['system:masters', 'system:authenticated'],
}

/**
 * Who asks: `kubectl --as` and `--as-group` make it somebody else. Webhooks see only the effective user
 * (kubernetes.md, The request). Everybody may impersonate everybody here.
 *
 * @param headers every value of each header (Node's `headersDistinct`)
 * @throws ApiError 400 for what cannot be carried
 */
export function userOf(headers: NodeJS.Dict<string[]>): User {
  const username = headers['impersonate-user']?.[0]
  const groups = headers['impersonate-group'] ?? []
  const unknown = Object.keys(headers).find(
    (name) => name === 'impersonate-uid' || name.startsWith('impersonate-extra-'),
  )
  if (unknown !== undefined)
    throw badRequest(`${unknown}: the embedded cluster impersonates names and groups only`)
  if (username === undefined) {
    if (groups.length > 0) throw badRequest('requested a group to impersonate without a user: add --as')
    return sandboxAdmin
  }
  const own = groups.length > 0 ? groups : serviceAccountGroups(username)
  const anonymous = username === 'system:anonymous'
  const everybody = anonymous ? 'system:unauthenticated' : 'system:authenticated'
  return { username, groups: own.includes(everybody) ? own : [...own, everybody] }
}

/** A service account is in the groups of all service accounts and of those of its namespace. */
function serviceAccountGroups(username: string): readonly string[] {
  const namespace = /^system:serviceaccount:([^:]+):[^:]+$/.exec(username)?.[1]
  return namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
}
