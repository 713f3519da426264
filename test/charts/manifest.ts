import { parseAllDocuments } from 'yaml'
import { root } from '../fixtures/root.ts'
import { helm } from './helm.ts'

/** A container as Kubernetes has it, as far as tests look at it. */
export interface Container {
  readonly image: string
  readonly args?: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly volumeMounts?: readonly object[]
  readonly readinessProbe?: object
}

/** The specification of a pod, as far as tests look at it. */
export interface PodSpec {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly nodeSelector?: object
  readonly affinity?: object
  readonly imagePullSecrets?: readonly object[]
  readonly hostNetwork?: boolean
  readonly dnsPolicy?: string
  readonly volumes?: readonly object[]
}

/** An object as the chart makes it, as far as tests look at it. */
export interface Made {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
  readonly webhooks?: readonly { readonly clientConfig: object }[]
  readonly spec?: {
    readonly secretName?: string
    readonly strategy?: object
    readonly endpoints?: readonly object[]
    readonly groups?: readonly { readonly rules: readonly Alert[] }[]
    readonly revisionHistoryLimit?: number
    readonly template?: {
      readonly metadata: {
        readonly labels: Readonly<Record<string, string>>
        readonly annotations?: Readonly<Record<string, string>>
      }
      readonly spec: PodSpec
    }
  } & Partial<PodSpec>
}

/** An alerting rule. */
export interface Alert {
  readonly alert: string
  readonly for?: string
  readonly labels: { readonly severity: string }
}

/** The output of `helm template` for a chart, by default this one. @throws Error with helm's message */
export function rendered(
  flags: readonly string[],
  { chart = `${root}/charts/holdfast`, release = 'holdfast', namespace = 'holdfast' } = {},
): { readonly text: string; readonly all: readonly Made[] } {
  const version = flags.includes('--kube-version') ? [] : ['--kube-version', '1.36.0']
  const { ok, stdout, stderr } = helm(
    ...['template', release, chart, '--namespace', namespace],
    ...version,
    ...flags,
  )
  if (!ok) throw new Error(stderr)
  const documents = parseAllDocuments(stdout)
  return { text: stdout, all: documents.flatMap((document) => (document.toJS() as Made | null) ?? []) }
}

/** The pods of an object, whatever makes them. */
export function podOf({ kind, spec }: Made): PodSpec | undefined {
  const { containers, ...rest } = spec ?? {}
  return kind === 'Pod' && containers ? { containers, ...rest } : spec?.template?.spec
}
