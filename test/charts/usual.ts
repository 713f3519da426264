import { podOf, type Made } from './manifest.ts'
import { set } from './rendered.ts'

/** With these, everything is made that can be. */
export const everything = [
  ...set('serviceMonitor.enabled=true', 'prometheusRule.enabled=true', 'dashboard.enabled=true'),
  ...set('backstop.enabled=true', 'proxy.longhorn.enabled=true', 'proxy.kubernetes.enabled=true'),
  ...set('certificates.mode=cert-manager'),
]

/** Values as flags of helm, each as JSON. */
export function json(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => ['--set-json', `${key}=${JSON.stringify(value)}`])
}

/** The object of this kind and name. */
export function find(all: readonly Made[], kind: string, name = 'holdfast'): Made | undefined {
  return all.find((made) => made.kind === kind && made.metadata.name === name)
}

/** The pods that judge. */
export function judging(all: readonly Made[]) {
  return all.filter(({ kind }) => kind === 'Deployment').flatMap((made) => podOf(made) ?? [])
}
