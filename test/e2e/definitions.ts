import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { group, kinds, version, type Kind } from '../../src/longhorn/kinds.ts'

/** A CustomResourceDefinition, as far as it is touched here. */
interface Definition {
  readonly spec: {
    readonly versions: readonly { readonly name: string; readonly served: boolean }[]
  }
}

/** Longhorn's own definitions where HOLDFAST_CRDS names a folder of them, as of the release that crashes; ours otherwise. */
export function definitions(): object[] {
  const folder = process.env.HOLDFAST_CRDS
  return (Object.keys(kinds) as Kind[]).map((kind) => {
    const { plural } = kinds[kind]
    const files = ['v1.8.0', 'newest'].map((release) => `${release}-${plural}.${group}.yaml`)
    const file = files
      .map((name) => join(folder ?? '', name))
      .find((path) => folder !== undefined && existsSync(path))
    return file === undefined
      ? trimmed(kind)
      : withoutConversion(parse(readFileSync(file, 'utf8')) as Definition)
  })
}

/** Longhorn's conversion webhook does not run here; the fields in question are the same in both versions. */
function withoutConversion(definition: Definition): object {
  return { ...definition, spec: { ...definition.spec, conversion: { strategy: 'None' } } }
}

/** A definition of ours: names, status, and fields of any kind. */
function trimmed(kind: Kind): object {
  const { plural, shortName } = kinds[kind]
  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  const versionOf = (name: string, storage: boolean) => ({
    name,
    served: true,
    storage,
    schema: { openAPIV3Schema: anything },
    ...(kind === 'Setting' ? {} : { subresources: { status: {} } }),
  })
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames: [shortName] },
      versions: [versionOf(version, true), versionOf('v1beta1', false)],
    },
  }
}

/** Kinds of other projects that the chart can make objects of, with any content. */
export const foreignDefinitions: object[] = [
  ['monitoring.coreos.com', 'v1', 'ServiceMonitor'] as const,
  ['monitoring.coreos.com', 'v1', 'PrometheusRule'] as const,
  ['cert-manager.io', 'v1', 'Issuer'] as const,
  ['cert-manager.io', 'v1', 'Certificate'] as const,
].map(([foreign, name, kind]) => {
  const plural = `${kind.toLowerCase()}s`
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${foreign}` },
    spec: {
      group: foreign,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name, served: true, storage: true, schema }],
    },
  }
})
