import { parseAllDocuments } from 'yaml'
import { root } from '../fixtures/root.ts'
import { helm } from './helm.ts'

/** A rule of a Role. */
interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  readonly resourceNames?: readonly string[]
}

/** The tested fields of a rendered object. */
export interface Manifest {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
  readonly rules?: readonly Rule[]
  readonly roleRef?: { readonly name: string }
  readonly subjects?: readonly { readonly name: string }[]
  readonly spec?: {
    readonly policyName?: string
    readonly validationActions?: readonly string[]
    readonly matchConditions?: readonly { readonly expression: string }[]
    readonly template?: { readonly spec: { readonly serviceAccountName: string } }
  }
}

/** Helm's flags for values. */
export function set(...settings: readonly string[]): string[] {
  return settings.flatMap((setting) => ['--set', setting])
}

/** Renders the chart as release `holdfast` in namespace `holdfast`. @throws Error with what helm says */
export function render(...flags: readonly string[]): Manifest[] {
  const args = ['template', 'holdfast', `${root}/charts/holdfast`, '--namespace', 'holdfast']
  const version = flags.includes('--kube-version') ? [] : ['--kube-version', '1.36.0']
  const { ok, stdout, stderr } = helm(...args, ...version, ...flags)
  if (!ok) throw new Error(stderr)
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}
