import type { Cluster, Pem, User } from './kubeconfig.ts'

/**
 * Why kubectl does not take a cluster and a user of a kubeconfig (`ConfirmUsable` of client-go): they say two things, of which
 * one would be passed over in silence, or half of one.
 *
 * @returns undefined if it takes them
 */
export function notUsable(cluster: Cluster, user: User): string | undefined {
  const ofCluster = twice(cluster.authority, 'certificate-authority')
  if (ofCluster !== undefined) return `cluster "${cluster.name}" ${ofCluster}`
  const ofUser = userProblem(user)
  return ofUser === undefined ? undefined : `user "${user.name}" ${ofUser}`
}

function userProblem({
  token,
  tokenFile,
  username,
  password,
  certificate,
  key,
  exec,
  authProvider,
}: User): string | undefined {
  const hasToken = token !== undefined || tokenFile !== undefined
  if (hasToken && (username !== undefined || password !== undefined))
    return 'has both a token and a password. Take one of them out'
  if (certificate !== undefined) {
    if (key === undefined) return 'has a client-certificate and no client-key'
    const problem = twice(certificate, 'client-certificate') ?? twice(key, 'client-key')
    if (problem !== undefined) return problem
  }
  if (exec === undefined) return undefined
  if (authProvider !== undefined) return 'has both exec and auth-provider. Take one of them out'
  const { apiVersion, interactiveMode } = exec
  if (apiVersion === undefined || !versions.includes(apiVersion))
    return `needs an exec with one of these as its apiVersion: ${versions.join(', ')}`
  const mayBeLeftOut = apiVersion !== newest
  if (interactiveMode === undefined ? mayBeLeftOut : modes.includes(interactiveMode)) return undefined
  return `needs an exec with one of these as its interactiveMode: ${modes.join(', ')}`
}

function twice(pem: Pem | undefined, name: string): string | undefined {
  if (pem === undefined || 'file' in pem || !pem.isInFileToo) return undefined
  return `has both ${name} and ${name}-data. Take one of them out`
}

const newest = 'client.authentication.k8s.io/v1'
const versions = [newest, 'client.authentication.k8s.io/v1beta1']
const modes = ['IfAvailable', 'Never', 'Always']
