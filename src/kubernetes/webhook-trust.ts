import { Type, type Static } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'
import type { TrustRegistration } from '../tls/own-certificates.ts'
import { readCertificate } from '../tls/soundness.ts'
import { ApiFailure } from './api-failure.ts'
import type { Connection } from './connection.ts'
import { jsonRequest, MalformedAnswer } from './json-request.ts'

const WebhookSchema = Type.Object({
  name: Type.String(),
  clientConfig: Type.Object({ caBundle: absent(Type.String()) }),
})

type Webhook = Static<typeof WebhookSchema>

const parseConfiguration = parser(
  Type.Object({ webhooks: absent(Type.Array(WebhookSchema)) }),
  (raw): readonly Webhook[] => raw.webhooks ?? [],
)

/** Tells the API server in a ValidatingWebhookConfiguration whom to trust: the `caBundle` of each of its webhooks. */
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
            // Somebody may have put another webhook in its place since.
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
        `There is no ValidatingWebhookConfiguration ${this.#name}: nothing is sent to the guard, and so nothing is guarded`,
        { cause },
      )
    }
  }
}
