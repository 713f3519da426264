import { Type } from 'typebox'
import { guardSelector } from '../doctor/component-label.ts'
import type { Names } from '../doctor/facts.ts'
import { absent, absentMap } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'
import type { Looker } from './looker.ts'

/** What belongs to a guard, by name, and who makes its certificate. */
export type GuardNames = Pick<
  Names,
  'webhookConfiguration' | 'certificateSecret' | 'serviceAccount' | 'makesCertificate'
>

/** The names of what belongs to a guard, and which of them are guessed. */
export interface FoundNames {
  readonly names: GuardNames
  /** True for a name that its Deployment might have said otherwise. */
  readonly isGuess: (name: keyof GuardNames) => boolean
  /** Why the Deployment could not be read; undefined if it was. */
  readonly problem: string | undefined
}

/** What the chart calls it in a release `holdfast`. */
const usual: GuardNames = {
  webhookConfiguration: 'holdfast',
  certificateSecret: 'holdfast-tls',
  serviceAccount: 'holdfast',
  makesCertificate: true,
}

/** Reads from a Deployment of the guard what is its own: the chart writes it there. */
const parseNames = parser(
  Type.Object({
    metadata: Type.Object({ annotations: absentMap(Type.String()) }),
    spec: absent(
      Type.Object({
        template: absent(
          Type.Object({ spec: absent(Type.Object({ serviceAccountName: absent(Type.String()) })) }),
        ),
      }),
    ),
  }),
  ({ metadata, spec }): Partial<GuardNames> => {
    const registration = metadata.annotations?.['holdfast.dev/registration'] ?? undefined
    const secret = metadata.annotations?.['holdfast.dev/certificate-secret'] ?? undefined
    const mode = metadata.annotations?.['holdfast.dev/certificates'] ?? undefined
    const account = spec?.template?.spec?.serviceAccountName ?? undefined
    return {
      ...(mode === undefined ? {} : { makesCertificate: mode === 'self' }),
      ...(registration === undefined ? {} : { webhookConfiguration: registration }),
      ...(secret === undefined ? {} : { certificateSecret: secret }),
      ...(account === undefined ? {} : { serviceAccount: account }),
    }
  },
)

/**
 * What is the guard's own: what the person names, else what its Deployment says, else the usual names. Where the Deployment
 * cannot be read, these are guesses, and nothing can be missing by them.
 */
export async function guardNames(
  looker: Looker,
  namespace: string,
  named: Partial<GuardNames>,
): Promise<FoundNames> {
  const place = { group: 'apps', version: 'v1', plural: 'deployments', namespace }
  const looked = await looker.list({ ...place, labelSelector: guardSelector }, parseNames)
  const found = 'seen' in looked ? looked.seen[0] : undefined
  const problem = 'problem' in looked ? looked.problem : undefined
  return {
    names: { ...usual, ...found, ...named },
    isGuess: (name) => problem !== undefined && named[name] === undefined,
    problem,
  }
}
