import { spawnSync } from 'node:child_process'
import { parseAllDocuments } from 'yaml'
import { root } from '../fixtures/root.ts'

/** The tested fields of a rendered object. */
export interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: {
    readonly template?: {
      readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] }
    }
  }
}

/** The port of the chart's Service: one that needs no privilege, on an address that is the cluster's own. */
export const servicePort = 8443

/** For all that is rendered here. */
const always = [
  // No manager of Longhorn runs here whose caches could lag, and nodes come and go within a second.
  'config.settle=0s',
  // Not in the cluster's way: what the installation in README sets too.
  `service.port=${servicePort}`,
]

/** With these, everything that the chart can make is made, but for another way to certificates. */
export const everything = [
  'serviceMonitor.enabled=true',
  'prometheusRule.enabled=true',
  'dashboard.enabled=true',
  'backstop.enabled=true',
  'proxy.longhorn.enabled=true',
  'proxy.kubernetes.enabled=true',
  'proxy.kubernetes.tls.secretName=proxy-tls',
]

/** Renders the chart as `helm install holdfast --namespace holdfast` would. @throws what helm says */
export function rendered(helm: string, ...settings: readonly string[]): string {
  const flags = [...always, ...settings].flatMap((setting) => ['--set', setting])
  const args = [
    'template',
    'holdfast',
    `${root}/charts/holdfast`,
    '--namespace',
    'holdfast',
    '--skip-tests',
    ...flags,
  ]
  const apis = ['--api-versions', 'monitoring.coreos.com/v1', '--kube-version', '1.36.2']
  const { status, stdout, stderr } = spawnSync(helm, [...args, ...apis], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`helm template failed: ${stderr}`)
  return stdout
}

/** `helm lint --strict`. @returns what it says if it is not content */
export function lint(helm: string, ...settings: readonly string[]): string | undefined {
  const flags = [...always, ...settings].flatMap((setting) => ['--set', setting])
  const args = ['lint', '--strict', '--kube-version', '1.36.2', `${root}/charts/holdfast`, ...flags]
  const { status, stdout, stderr } = spawnSync(helm, args, { encoding: 'utf8' })
  return status === 0 ? undefined : stdout + stderr
}

/** The objects of a rendered chart. */
export function manifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}
