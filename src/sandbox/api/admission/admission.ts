import type { ClusterObject } from '../../cluster-client.ts'
import type { AdmissionRequest } from './admission-request.ts'
import type { WebhookCaller } from './call-webhook.ts'
import { internal } from '../failure.ts'
import type { Identity } from '../identity.ts'
import type { RequestContext } from '../request-context.ts'
import { namespaces, webhookConfigurations } from '../resources.ts'
import { reviewOf } from './review.ts'
import { readAnswer, type Answer } from './review-response.ts'
import type { Store } from '../store/store.ts'
import { parseWebhookConfiguration, type Webhook } from './webhook-configuration.ts'
import { isAsked, labelsOf } from './webhook-match.ts'

/** Asks the registered webhooks about each write, just before it is stored. */
export class Admission {
  readonly #store: Store
  readonly #caller: WebhookCaller
  readonly #identity: Identity
  /** What was parsed of each stored configuration; an object is never changed in place. */
  readonly #parsed = new WeakMap<ClusterObject, readonly Webhook[]>()

  constructor(store: Store, caller: WebhookCaller, identity: Identity) {
    this.#store = store
    this.#caller = caller
    this.#identity = identity
  }

  /**
   * Lets every webhook concerned have its say; all are asked at once.
   *
   * @throws ApiError the denial, or 500 `failed calling webhook` under `failurePolicy: Fail`. Of several, the
   * first in the order of the configurations' names
   */
  async admit(request: AdmissionRequest, context: RequestContext): Promise<void> {
    // Never asked about registrations themselves: a dead webhook could not be taken away again.
    if (request.resource === webhookConfigurations) return
    const asked = this.#webhooks().filter((webhook) =>
      isAsked(webhook, request, this.#namespaceLabels(request)),
    )
    const answers = await Promise.all(asked.map((webhook) => this.#ask(webhook, request, context)))
    for (const answer of answers) for (const warning of answer.warnings) context.warn(warning)
    for (const answer of answers) if (!answer.allowed) throw answer.denial
  }

  /** Every webhook that is registered, in the order of the configurations' names. */
  #webhooks(): readonly Webhook[] {
    return this.#store.list(webhookConfigurations, undefined).flatMap((object) => {
      const known = this.#parsed.get(object)
      if (known) return known
      const parsed = parseWebhookConfiguration(object)
      const webhooks = parsed.ok ? parsed.value : []
      this.#parsed.set(object, webhooks)
      return webhooks
    })
  }

  async #ask(webhook: Webhook, request: AdmissionRequest, context: RequestContext): Promise<Answer> {
    if (webhook.matchConditions.areUnknown)
      context.warn(
        `the embedded cluster does not evaluate all matchConditions of ${webhook.name}: it may be asked about more requests than they say`,
      )
    const uid = this.#identity.uid()
    try {
      const body = JSON.stringify(reviewOf(request, uid))
      const review = await this.#caller.call(webhook, body, context.deadlineMs, context.signal)
      const answer = readAnswer(webhook.name, uid, review)
      if (typeof answer !== 'string') return answer
      throw new Error(answer)
    } catch (error) {
      // Under Ignore the user is not even warned (kubernetes.md, The answer).
      if (webhook.failurePolicy === 'Ignore') return { allowed: true, warnings: [] }
      const why = error instanceof Error ? error.message : String(error)
      const denial = internal(`failed calling webhook "${webhook.name}": ${why}`, error)
      return { allowed: false, warnings: [], denial }
    }
  }

  #namespaceLabels({ resource, namespace, object, oldObject }: AdmissionRequest) {
    // A namespace is selected by its own labels.
    if (resource === namespaces) return labelsOf(object ?? oldObject)
    return resource.namespaced ? labelsOf(this.#store.get(namespaces, '', namespace)) : undefined
  }
}
