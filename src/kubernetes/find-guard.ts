import { Type } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { group } from '../longhorn/kinds.ts'
import { parser } from '../longhorn/parse.ts'
import type { Connection } from './connection.ts'
import { jsonRequest, MalformedAnswer } from './json-request.ts'

/** The name that every registration of the guard gives its webhook. */
export const webhookName = 'guard.holdfast.dev'

const Texts = absent(Type.Array(Type.String()))

const parseConfigurations = parser(
  Type.Object({
    items: absent(
      Type.Array(
        Type.Object({
          metadata: Type.Object({ name: Type.String() }),
          webhooks: absent(
            Type.Array(
              Type.Object({
                name: Type.String(),
                rules: absent(
                  Type.Array(Type.Object({ apiGroups: Texts, operations: Texts, resources: Texts })),
                ),
              }),
            ),
          ),
        }),
      ),
    ),
  }),
  ({ items }) => items ?? [],
)

/**
 * The name of the ValidatingWebhookConfiguration by which a guard is asked about clean-ups; undefined if there is none.
 *
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function findGuard(connection: Connection, signal: AbortSignal): Promise<string | undefined> {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
  const parsed = parseConfigurations(await jsonRequest(connection, { method: 'GET', path, signal }))
  if (!parsed.ok)
    throw new MalformedAnswer(`The list of ${path} is not what it should be: ${parsed.problem}.`)
  const includes = (texts: readonly string[] | null | undefined, wanted: string): boolean =>
    texts?.some((text) => text === wanted || text === '*') ?? false
  const found = parsed.value.find(({ webhooks }) =>
    webhooks?.some(
      ({ name, rules }) =>
        name === webhookName &&
        rules?.some(
          (rule) =>
            includes(rule.apiGroups, group) &&
            includes(rule.operations, 'UPDATE') &&
            includes(rule.resources, 'backingimages'),
        ),
    ),
  )
  return found?.metadata.name
}
