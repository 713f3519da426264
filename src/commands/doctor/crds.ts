import { Type } from 'typebox'
import { optional, optionalMap, parser } from '../../json/schema.ts'
import { group, type Kind, kinds, version } from '../../longhorn/kinds.ts'
import { looksPruned } from '../../rules/eviction-during-cleanup.ts'
import type { SeenDefinition, Facts } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'

const keepsAll = 'x-kubernetes-preserve-unknown-fields'

const FieldsSchema = Type.Object({
  properties: optionalMap(Type.Unknown()),
  [keepsAll]: optional(Type.Boolean()),
})

/** Reads a CustomResourceDefinition. */
export const parseDefinition = parser(
  Type.Object({
    spec: Type.Object({
      versions: Type.Array(
        Type.Object({
          name: Type.String(),
          served: Type.Boolean(),
          schema: optional(
            Type.Object({
              openAPIV3Schema: optional(
                Type.Object({
                  properties: optional(Type.Object({ spec: optional(FieldsSchema) })),
                  [keepsAll]: optional(Type.Boolean()),
                }),
              ),
            }),
          ),
        }),
      ),
    }),
  }),
  (raw): SeenDefinition => {
    const ours = raw.spec.versions.find(({ name }) => name === version)
    const object = ours?.schema?.openAPIV3Schema
    const spec = object?.properties?.spec
    const keeps = object?.[keepsAll] === true || spec?.[keepsAll] === true
    return {
      served: ours?.served ?? false,
      knowsCopies: keeps || Object.hasOwn(spec?.properties ?? {}, 'diskFileSpecMap'),
    }
  },
)

const upgrade =
  'Apply the CRDs of the Longhorn release that runs; Helm does so with: helm upgrade longhorn longhorn/longhorn --namespace <namespace> --version <release>'

/** Whether Longhorn's definitions exist, and are new enough to keep the fields that its manager writes. */
export function checkCrds({ definitions, map }: Pick<Facts, 'definitions' | 'map'>): DoctorFinding[] {
  const findings: DoctorFinding[] = []
  const unseen: { readonly name: string; readonly why: string }[] = []
  const missing: string[] = []
  for (const { kind, looked } of definitions) {
    const name = `${kinds[kind].plural}.${group}`
    if ('problem' in looked) unseen.push({ name, why: looked.problem })
    else if (looked.seen === undefined) missing.push(name)
    else findings.push(...judged(kind, name, looked.seen))
  }
  if (missing.length > 0) findings.unshift(notThere(missing, definitions.length))
  const [first] = unseen
  if (first !== undefined) {
    const names = unseen.map(({ name }) => name).join(', ')
    findings.push(notKnown('crds', `The definitions of ${names} could not be read.`, first.why))
  }
  if ('seen' in map && looksPruned(map.seen)) findings.push(pruned)
  return findings.length > 0
    ? findings
    : [ok('crds', `All ${definitions.length} definitions of Longhorn exist and keep copies on disks.`)]
}

/** One finding for all: without Longhorn none is there. */
function notThere(names: readonly string[], all: number): DoctorFinding {
  return problem('error', 'crds', {
    what:
      names.length === all && all > 1
        ? 'Longhorn is not installed in this cluster: it has none of its definitions.'
        : `There is no definition of ${names.join(', ')}.`,
    why: 'The guard cannot read these objects, and denies dangerous writes until it can.',
    remedy: `Is Longhorn installed in this cluster? ${upgrade}`,
  })
}

function judged(kind: Kind, name: string, definition: SeenDefinition): DoctorFinding[] {
  if (!definition.served) {
    return [
      problem('error', 'crds', {
        what: `The definition of ${name} does not serve version ${version}.`,
        why: 'The guard reads and judges only this version.',
        remedy: upgrade,
      }),
    ]
  }
  if (kind === 'BackingImage' && !definition.knowsCopies) return [outdated]
  return []
}

const outdated = problem('error', 'crds', {
  what: `The definition of ${kinds.BackingImage.plural}.${group} does not know spec.diskFileSpecMap.`,
  why: 'The API server drops the copies of each image that is written. All of them then count as clean-ups.',
  remedy: upgrade,
})

const pruned = problem('error', 'crds', {
  what: 'Most backing images have a clean-up pending at once.',
  why: 'A definition of an old version causes that: the API server drops spec.diskFileSpecMap. Every eviction is dangerous then.',
  remedy: upgrade,
})
