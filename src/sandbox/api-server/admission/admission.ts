import { ApiError, type ClusterObject } from '../../cluster-client.ts'
import { at, isJsonObject, type JsonObject, listAt, textAt } from '../../json.ts'
import { internal } from '../failure.ts'
import type { RequestContext } from '../http/request.ts'
import type { Identity } from '../identity.ts'
import { namespaces, webhookConfigurations } from '../resources.ts'
import type { Store } from '../store/store.ts'
import type { WebhookCaller } from './call-webhook.ts'
import {
  type AdmissionRequest,
  isAsked,
  labelsOf,
  parseWebhookConfiguration,
  type Webhook,
} from './webhook-configuration.ts'

/** A webhook that runs in this process and needs no registration. */
export interface OwnWebhook {
  /** For messages, such as `validator.longhorn.io`. */
  readonly name: string
  /** @returns the denial in its `status`, or a sentence if no answer comes; undefined if it allows the write */
  judge(request: AdmissionRequest): Promise<JsonObject | string | undefined>
}

/** Asks the registered webhooks about each write, just before it is stored. */
export class Admission {
  readonly #store: Store
  readonly #caller: WebhookCaller
  readonly #identity: Identity
  readonly #own: readonly OwnWebhook[]
  /** The parsed form of each stored configuration. Stored objects never change in place. */
  readonly #parsed = new WeakMap<ClusterObject, readonly Webhook[]>()

  /** @param own asked too; in the order of names they come after the guard's */
  constructor(store: Store, caller: WebhookCaller, identity: Identity, own: readonly OwnWebhook[] = []) {
    this.#store = store
    this.#caller = caller
    this.#identity = identity
    this.#own = own
  }

  /**
   * Asks all concerned webhooks at once.
   *
   * @throws ApiError the denial, or 500 `failed calling webhook` under `failurePolicy: Fail`. Of several, the
   * first in the order of the configurations' names
   */
  async admit(request: AdmissionRequest, context: RequestContext): Promise<void> {
    // Webhooks are not asked about registrations, or a dead webhook could not be removed.
    if (request.resource === webhookConfigurations) return
    const asked = this.#webhooks().filter((webhook) =>
      isAsked(webhook, request, this.#namespaceLabels(request)),
    )
    const answers = await Promise.all([
      ...asked.map((webhook) => this.#ask(webhook, request, context)),
      ...this.#own.map((webhook) => askOwn(webhook, request)),
    ])
    for (const answer of answers) for (const warning of answer.warnings) context.warn(warning)
    for (const answer of answers) if (!answer.allowed) throw answer.denial
  }

  /** All registered webhooks, in the order of the configurations' names. */
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
      // Under Ignore the user does not even get a warning (kubernetes.md, The answer).
      if (webhook.failurePolicy === 'Ignore') return { allowed: true, warnings: [] }
      const why = error instanceof Error ? error.message : String(error)
      return { allowed: false, warnings: [], denial: failedCall(webhook.name, why, error) }
    }
  }

  #namespaceLabels({ resource, namespace, object, oldObject }: AdmissionRequest) {
    // A namespaceSelector matches a namespace by its own labels.
    if (resource === namespaces) return labelsOf(object ?? oldObject)
    return resource.namespaced ? labelsOf(this.#store.get(namespaces, '', namespace)) : undefined
  }
}

async function askOwn(webhook: OwnWebhook, request: AdmissionRequest): Promise<Answer> {
  const { name } = webhook
  const refused = await webhook.judge(request)
  if (refused === undefined) return { allowed: true, warnings: [] }
  const denial = typeof refused === 'string' ? failedCall(name, refused) : denialOf(name, refused)
  return { allowed: false, warnings: [], denial }
}

function failedCall(webhook: string, why: string, cause?: unknown): ApiError {
  return internal(`failed calling webhook "${webhook}": ${why}`, cause)
}

/**
 * The AdmissionReview of a request (kubernetes.md, The request). On the main resource `subResource` is
 * absent, not empty; on DELETE `object` is null, on CREATE `oldObject`.
 *
 * @param uid new for each call: one client request can be reviewed many times
 */
function reviewOf(request: AdmissionRequest, uid: string): JsonObject {
  const { group, version, kind, plural } = request.resource
  const ofKind = { group, version, kind }
  const ofResource = { group, version, resource: plural }
  const { subresource } = request
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind: ofKind,
      resource: ofResource,
      ...(subresource && { subResource: subresource }),
      requestKind: ofKind,
      requestResource: ofResource,
      ...(subresource && { requestSubResource: subresource }),
      ...(request.name !== '' && { name: request.name }),
      ...(request.namespace !== '' && { namespace: request.namespace }),
      operation: request.operation,
      userInfo: { username: request.user.username, groups: request.user.groups },
      object: request.object ?? null,
      oldObject: request.oldObject ?? null,
      dryRun: request.dryRun,
      options: request.options,
    },
  }
}

/** The answer of a webhook. */
type Answer =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  | { readonly allowed: false; readonly warnings: readonly string[]; readonly denial: ApiError }

/**
 * Reads a webhook's answer as strictly as the API server does (kubernetes.md, The answer).
 *
 * @param uid of the review
 * @returns a sentence instead for a malformed answer: that is a failed call, not a denial
 */
function readAnswer(webhookName: string, uid: string, review: unknown): Answer | string {
  const kind = `${textAt(review, 'apiVersion')}, Kind=${textAt(review, 'kind')}`
  if (kind !== 'admission.k8s.io/v1, Kind=AdmissionReview')
    return `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${kind}`
  const response = at(review, 'response')
  if (!isJsonObject(response)) return 'webhook response was absent'
  if (response.uid !== uid) return `expected response.uid="${uid}", got "${textAt(response, 'uid')}"`
  if ((response.patch ?? undefined) !== undefined || (response.patchType ?? undefined) !== undefined)
    return 'webhook returned response.patch, which a validating webhook must not'
  // Go reads a missing `allowed` as false: a denial, not a failed call.
  const allowed = response.allowed ?? false
  if (typeof allowed !== 'boolean')
    return `response.allowed must be true or false, got ${JSON.stringify(allowed)}`
  const warnings = listAt(response, 'warnings').filter((warning) => typeof warning === 'string')
  if (allowed) return { allowed, warnings }
  const status = response.status ?? undefined
  if (status !== undefined && !isJsonObject(status)) return 'response.status must be an object'
  return { allowed, warnings, denial: denialOf(webhookName, status ?? {}) }
}

/**
 * The whole status reaches the client, and its message begins with the name of the webhook. A code that is
 * missing or below 400 becomes 400.
 */
function denialOf(webhookName: string, status: JsonObject): ApiError {
  const denied = `admission webhook "${webhookName}" denied the request`
  const reason = textAt(status, 'reason')
  const why = textAt(status, 'message') || reason
  const code = typeof status.code === 'number' && status.code >= 400 ? status.code : 400
  return new ApiError({
    code,
    reason,
    message: why === '' ? `${denied} without explanation` : `${denied}: ${why}`,
    ...(isJsonObject(status.details) && { details: status.details }),
  })
}
