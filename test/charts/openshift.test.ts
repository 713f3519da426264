import { join } from 'node:path'
import t from 'tap'
import { root } from '../fixtures/root.ts'
import { skip } from './helm.ts'
import { podOf, rendered } from './manifest.ts'
import { set } from './rendered.ts'

/** What SCC restricted-v2 looks at in a pod. */
interface Secured {
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly securityContext?: {
    readonly runAsUser?: number
    readonly runAsGroup?: number
    readonly fsGroup?: number
    readonly seccompProfile?: { readonly type: string }
  }
  readonly volumes?: readonly Readonly<Record<string, unknown>>[]
  readonly containers: readonly Contained[]
  readonly initContainers?: readonly Contained[]
}

interface Contained {
  readonly name?: string
  readonly ports?: readonly { readonly hostPort?: number }[]
  readonly securityContext?: {
    readonly runAsUser?: number
    readonly privileged?: boolean
    readonly allowPrivilegeEscalation?: boolean
    readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] }
    readonly seccompProfile?: { readonly type: string }
  }
}

const volumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]

/** The reasons why SCC restricted-v2 would not admit a pod. The uids of a namespace are such as nobody knows beforehand. */
function refusals(pod: Secured): string[] {
  const { securityContext: own = {}, hostNetwork, hostPID, hostIPC } = pod
  const found: string[] = []
  if (hostNetwork === true || hostPID === true || hostIPC === true)
    found.push('it uses namespaces of its host')
  for (const id of ['runAsUser', 'fsGroup'] as const)
    if (own[id] !== undefined) found.push(`${id} is out of range`)
  for (const volume of pod.volumes ?? [])
    for (const kind of Object.keys(volume))
      if (kind !== 'name' && !volumes.includes(kind)) found.push(`a volume is a ${kind}`)
  for (const { ports, securityContext = {} } of [...pod.containers, ...(pod.initContainers ?? [])]) {
    if (securityContext.runAsUser !== undefined) found.push('runAsUser is out of range')
    if (securityContext.privileged === true) found.push('a container is privileged')
    if (securityContext.allowPrivilegeEscalation !== false) found.push('a container may escalate')
    if (!securityContext.capabilities?.drop?.includes('ALL')) found.push('a container keeps capabilities')
    if (securityContext.capabilities?.add?.some((each) => each !== 'NET_BIND_SERVICE'))
      found.push('one is added')
    if ((securityContext.seccompProfile ?? own.seccompProfile)?.type !== 'RuntimeDefault')
      found.push('seccomp')
    if (ports?.some(({ hostPort }) => hostPort !== undefined)) found.push('a port of the host')
  }
  return found
}

const everything = set(
  'proxy.longhorn.enabled=true',
  'proxy.kubernetes.enabled=true',
  'certificates.mode=cert-manager',
)

t.test('SCC restricted-v2 admits every pod of the chart with the values for OpenShift', { skip }, (t) => {
  const flags = ['--values', join(root, 'examples/values/openshift.yaml'), ...everything]
  const pods = rendered([...flags, ...set('config.auditFile=/var/log/holdfast/audit.log')]).all.flatMap(
    (made) => podOf(made) ?? [],
  )
  t.equal(pods.length, 6, 'guard, two proxies, two hooks, the test')
  for (const pod of pods) t.strictSame(refusals(pod as Secured), [])
  t.end()
})

t.test('by default the uid of the image is one that OpenShift would refuse', { skip }, (t) => {
  const pods = rendered(everything).all.flatMap((made) => podOf(made) ?? [])
  for (const pod of pods)
    t.strictSame(refusals(pod as Secured), ['runAsUser is out of range', 'fsGroup is out of range'])
  t.end()
})
