import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { at, textAt, type JsonObject } from '../../../src/sandbox/json.ts'
import type { ClusterObject } from '../../../src/sandbox/cluster-client.ts'
import { certificateFor, type Certificate } from '../../fixtures/certificates.ts'

/** How the webhook answers. A function answers by the review's request. */
export type Behaviour =
  | { readonly allow: true; readonly warnings?: readonly string[] }
  | { readonly deny: JsonObject }
  | { readonly raw: unknown; readonly code?: number; readonly headers?: Record<string, string> }
  | 'hang'
  | ((request: JsonObject, uid: string) => Promise<Behaviour>)

/** One made for all tests of a file: making a key costs more than using it. */
let shared: Promise<Certificate> | undefined

/** A validating webhook over TLS with switches for everything that can go wrong. */
export class FakeWebhook {
  /** What it was asked, the `request` of each review, oldest first. */
  readonly asked: JsonObject[] = []
  /** The URLs it was asked at, with their query. */
  readonly urls: string[] = []
  readonly certificate: Certificate
  behaviour: Behaviour = { allow: true }
  connections = 0
  readonly #server: Server

  private constructor(certificate: Certificate) {
    this.certificate = certificate
    this.#server = createServer(certificate, (request, response) => {
      this.urls.push(request.url ?? '')
      void text(request).then((body) => this.#answer(JSON.parse(body), response))
    })
    this.#server.on('secureConnection', () => this.connections++)
  }

  static async start(t: Test, certificate?: Certificate): Promise<FakeWebhook> {
    shared ??= certificateFor('guard.holdfast.svc')
    const webhook = new FakeWebhook(certificate ?? (await shared))
    webhook.#server.listen(0, '127.0.0.1')
    await once(webhook.#server, 'listening')
    t.teardown(async () => {
      webhook.#server.close()
      webhook.#server.closeAllConnections()
      await once(webhook.#server, 'close')
    })
    return webhook
  }

  get address(): string {
    const address = this.#server.address()
    return `127.0.0.1:${isAddress(address) ? address.port : 0}`
  }

  async #answer(review: unknown, response: ServerResponse): Promise<void> {
    const request = at(review, 'request')
    if (typeof request === 'object' && request !== null) this.asked.push({ ...request })
    const uid = textAt(request, 'uid')
    let behaviour = this.behaviour
    while (typeof behaviour === 'function') behaviour = await behaviour(this.asked.at(-1) ?? {}, uid)
    if (behaviour === 'hang') return
    if ('raw' in behaviour) {
      response.writeHead(behaviour.code ?? 200, behaviour.headers)
      response.end(typeof behaviour.raw === 'string' ? behaviour.raw : JSON.stringify(behaviour.raw))
      return
    }
    const verdict =
      'deny' in behaviour
        ? { allowed: false, status: behaviour.deny }
        : { allowed: true, warnings: behaviour.warnings }
    response.end(JSON.stringify(answerOf({ uid, ...verdict })))
  }
}

/** An AdmissionReview that answers. */
export function answerOf(response: JsonObject): JsonObject {
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }
}

/** What a registration may have otherwise than usual. */
export interface Registration {
  readonly name?: string
  readonly webhook?: JsonObject
  readonly rule?: JsonObject
  readonly clientConfig?: JsonObject
}

/** Registers a webhook for every write of Longhorn's main resources, unless said otherwise. */
export function registration(webhook: FakeWebhook, changed: Registration = {}): ClusterObject {
  const clientConfig = {
    url: `https://${webhook.address}/validate`,
    caBundle: Buffer.from(webhook.certificate.cert).toString('base64'),
    ...changed.clientConfig,
  }
  const rule = {
    apiGroups: ['longhorn.io'],
    apiVersions: ['v1beta2'],
    operations: ['*'],
    resources: ['*'],
    ...changed.rule,
  }
  const name = changed.name ?? 'guard.holdfast.dev'
  const one = {
    name,
    clientConfig,
    rules: [rule],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    timeoutSeconds: 5,
  }
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: name.replaceAll('.', '-') },
    webhooks: [{ ...one, ...changed.webhook }],
  }
}

/** Where registrations are stored. */
export const registrations = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null
}
