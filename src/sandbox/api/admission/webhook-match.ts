import { at, isJsonObject, type JsonObject } from '../../json.ts'
import type { AdmissionRequest } from './admission-request.ts'
import type { Webhook, WebhookRule } from './webhook-configuration.ts'

/**
 * True when a webhook has to be asked about a request.
 *
 * @param namespaceLabels the labels of the request's namespace; undefined for a cluster-scoped object
 */
export function isAsked(
  webhook: Webhook,
  request: AdmissionRequest,
  namespaceLabels: JsonObject | undefined,
): boolean {
  if (!webhook.rules.some((rule) => matches(rule, request))) return false
  if (namespaceLabels && !webhook.namespaceSelector(namespaceLabels)) return false
  if (!webhook.matchConditions.hold(request)) return false
  // Either version may carry the label: taking it off must not escape the webhook.
  return [request.object, request.oldObject].some(
    (object) => object !== undefined && webhook.objectSelector(labelsOf(object)),
  )
}

/** An object's labels; none is an empty set. */
export function labelsOf(object: unknown): JsonObject {
  const labels = at(object, 'metadata', 'labels')
  return isJsonObject(labels) ? labels : {}
}

function matches(rule: WebhookRule, request: AdmissionRequest): boolean {
  const { resource, operation } = request
  return (
    names(rule.operations, operation) &&
    names(rule.apiGroups, resource.group) &&
    names(rule.apiVersions, resource.version) &&
    inScope(rule, request) &&
    rule.resources.some((pattern) => namesResource(pattern, request))
  )
}

function names(list: readonly string[], wanted: string): boolean {
  return list.includes('*') || list.includes(wanted)
}

/** `*` is every resource without its subresources, `nodes/*` all subresources of nodes, and `*` `/*` everything. */
function namesResource(pattern: string, { resource, subresource }: AdmissionRequest): boolean {
  const [plural, sub = ''] = pattern.split('/')
  if (plural !== '*' && plural !== resource.plural) return false
  if (sub === '*') return plural === '*' || subresource !== undefined
  return sub === (subresource ?? '')
}

function inScope(rule: WebhookRule, { resource }: AdmissionRequest): boolean {
  const scope = rule.scope ?? '*'
  return scope === '*' || scope === (resource.namespaced ? 'Namespaced' : 'Cluster')
}
