import { group, type Kind, kinds, version } from '../../../src/longhorn/kinds.ts'
import { fieldsRead } from '../../../src/longhorn/definition.ts'

/** A JSON Schema as a definition has it. */
export interface RawSchema {
  type?: string
  enum?: string[]
  properties?: Record<string, RawSchema>
  additionalProperties?: RawSchema
  items?: RawSchema
  'x-kubernetes-preserve-unknown-fields'?: boolean
}

/** A CustomResourceDefinition of Longhorn with exactly the fields that Holdfast reads. */
export function rawDefinition(kind: Kind, change: (schema: RawSchema) => unknown = () => undefined) {
  const openAPIV3Schema: RawSchema = {}
  for (const [path, { type }] of fieldsRead(kind)) Object.assign(at(openAPIV3Schema, path), { type })
  change(openAPIV3Schema)
  const { plural, shortName } = kinds[kind]
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List`, shortNames: [shortName] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema },
          subresources: { status: {} },
        },
      ],
    },
  }
}

/** The schema at a path such as `spec.disks.*.tags[]`, made if it is not there. */
export function at(schema: RawSchema, path: string): RawSchema {
  const steps = path === '' ? [] : path.replaceAll('[]', '.[]').split('.')
  return steps.reduce((above, name): RawSchema => {
    if (name === '*') return (above.additionalProperties ??= {})
    if (name === '[]') return (above.items ??= {})
    above.properties ??= {}
    return (above.properties[name] ??= {})
  }, schema)
}
