import { type Static, Type } from 'typebox'
import { optional, parser } from '../json/schema.ts'
import { group } from '../longhorn/kinds.ts'
import type { TrustRegistration } from '../tls/self-managed.ts'
import { readCertificate } from '../tls/stored.ts'
import type { Connection } from './client/connection.ts'
import { ApiFailure } from './client/failures.ts'
import { jsonRequest, MalformedAnswer } from './client/json-request.ts'

/** The name of the guard's webhook in every registration. */
export const webhookName = 'guard.holdfast.dev'

const Texts = optional(Type.Array(Type.String()))

const parseConfigurations = parser(
  Type.Object({
    items: optional(
      Type.Array(
        Type.Object({
          metadata: Type.Object({ name: Type.String() }),
          webhooks: optional(
            Type.Array(
              Type.Object({
                name: Type.String(),
                rules: optional(
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
 * The name of the ValidatingWebhookConfiguration that sends clean-ups to a guard; undefined if there is none.
 *
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function findGuard(connection: Connection, signal: AbortSignal): Promise<string | undefined> {
  const path = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
  const parsed = parseConfigurations(await jsonRequest(connection, { method: 'GET', path, signal }))
  if (!parsed.ok) throw new MalformedAnswer(`The list of ${path} is malformed: ${parsed.problem}.`)
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

const WebhookSchema = Type.Object({
  name: Type.String(),
  clientConfig: Type.Object({ caBundle: optional(Type.String()) }),
})

type Webhook = Static<typeof WebhookSchema>

const parseConfiguration = parser(
  Type.Object({ webhooks: optional(Type.Array(WebhookSchema)) }),
  (raw): readonly Webhook[] => raw.webhooks ?? [],
)

/** Publishes the authority in a ValidatingWebhookConfiguration: the `caBundle` of each of its webhooks. */
export class WebhookTrust implements TrustRegistration {
  readonly #connection: Connection
  readonly #name: string
  readonly #path: string

  /** @param name of the ValidatingWebhookConfiguration */
  constructor(connection: Connection, name: string) {
    this.#connection = connection
    this.#name = name
    this.#path = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${encodeURIComponent(name)}`
  }

  async ensure(authority: string, bundle: string, signal: AbortSignal): Promise<void> {
    const cert = readCertificate(authority)?.toString()
    const isTrusted = ({ clientConfig }: Webhook): boolean =>
      cert === undefined ||
      Buffer.from(clientConfig.caBundle ?? '', 'base64')
        .toString()
        .includes(cert)
    if (!(await this.#webhooks(signal)).every(isTrusted)) await this.publish(bundle, signal)
  }

  async publish(bundle: string, signal: AbortSignal): Promise<boolean> {
    const caBundle = Buffer.from(bundle).toString('base64')
    const patch = (await this.#webhooks(signal)).flatMap(({ name, clientConfig }, index) =>
      clientConfig.caBundle === caBundle
        ? []
        : [
            // Another client may have replaced the webhook since.
            { op: 'test', path: `/webhooks/${index}/name`, value: name },
            { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
          ],
    )
    if (patch.length === 0) return true
    await jsonRequest(this.#connection, {
      method: 'PATCH',
      path: this.#path,
      headers: { 'content-type': 'application/json-patch+json' },
      json: patch,
      signal,
    })
    return false
  }

  async #webhooks(signal: AbortSignal): Promise<readonly Webhook[]> {
    const webhooks = parseConfiguration(await this.#get(signal))
    if (webhooks.ok) return webhooks.value
    throw new MalformedAnswer(
      `ValidatingWebhookConfiguration ${this.#name} cannot be read: ${webhooks.problem}.`,
    )
  }

  async #get(signal: AbortSignal): Promise<unknown> {
    try {
      return await jsonRequest(this.#connection, { method: 'GET', path: this.#path, signal })
    } catch (cause) {
      if (!(cause instanceof ApiFailure) || cause.code !== 404) throw cause
      throw new Error(
        `There is no ValidatingWebhookConfiguration ${this.#name}, so the API server sends nothing to the guard`,
        { cause },
      )
    }
  }
}
