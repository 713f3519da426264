import { type Static, Type } from 'typebox'
import { optional, mapOf, type Parsed, parser } from '../../../json/schema.ts'
import type { ClusterObject, User } from '../../cluster-client.ts'
import { at, isJsonObject, type JsonObject, listAt, textAt } from '../../json.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { labelOperators, type LabelSelector, labelSelectorOf } from '../store/label-selector.ts'

/** Left unparsed: {@link labelSelectorOf} reads it. */
const SelectorSchema = optional(mapOf(Type.Unknown()))

const RuleSchema = Type.Object({
  apiGroups: Type.Array(Type.String()),
  apiVersions: Type.Array(Type.String()),
  operations: Type.Array(Type.String({ pattern: '^(\\*|CREATE|UPDATE|DELETE|CONNECT)$' })),
  resources: Type.Array(Type.String()),
  scope: optional(Type.String({ pattern: '^(\\*|Namespaced|Cluster)$' })),
})

const WebhookSchema = Type.Object({
  name: Type.String({ pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+){2,}$' }),
  clientConfig: Type.Object({
    url: optional(Type.String({ pattern: '^https://' })),
    service: optional(
      Type.Object({
        namespace: Type.String({ minLength: 1 }),
        name: Type.String({ minLength: 1 }),
        path: optional(Type.String({ pattern: '^/' })),
        port: optional(Type.Integer({ minimum: 1, maximum: 65535 })),
      }),
    ),
    caBundle: optional(Type.String()),
  }),
  rules: optional(Type.Array(RuleSchema)),
  failurePolicy: optional(Type.String({ pattern: '^(Fail|Ignore)$' })),
  matchPolicy: optional(Type.String({ pattern: '^(Exact|Equivalent)$' })),
  // `Some` and `Unknown` ended with admissionregistration.k8s.io/v1, so dry runs go to every webhook.
  sideEffects: Type.String({ pattern: '^(None|NoneOnDryRun)$' }),
  timeoutSeconds: optional(Type.Integer({ minimum: 1, maximum: 30 })),
  admissionReviewVersions: Type.Array(Type.String(), { minItems: 1 }),
  namespaceSelector: SelectorSchema,
  objectSelector: SelectorSchema,
  matchConditions: optional(Type.Array(Type.Unknown())),
})

const ConfigurationSchema = Type.Object({ webhooks: optional(Type.Array(WebhookSchema)) })

/** One rule of a webhook, as its configuration has it. */
type WebhookRule = Static<typeof RuleSchema>

/** A registered validating webhook. */
export interface Webhook {
  readonly name: string
  readonly clientConfig: {
    readonly url: string | undefined
    readonly service:
      | { readonly namespace: string; readonly name: string; readonly path: string; readonly port: number }
      | undefined
    /** PEM; undefined for the machine's own authorities. */
    readonly caBundle: string | undefined
  }
  readonly rules: readonly WebhookRule[]
  readonly failurePolicy: 'Fail' | 'Ignore'
  readonly timeoutMs: number
  readonly namespaceSelector: LabelSelector
  readonly objectSelector: LabelSelector
  readonly matchConditions: MatchConditions
}

const parseSchema = parser(ConfigurationSchema, (raw) => (raw.webhooks ?? []).map(readWebhook))

/** Parses an untrusted ValidatingWebhookConfiguration into its webhooks. */
export function parseWebhookConfiguration(raw: unknown): Parsed<readonly Webhook[]> {
  const parsed = parseSchema(raw)
  if (!parsed.ok) return parsed
  for (const [index, webhook] of listAt(raw, 'webhooks').entries()) {
    const problem = problemOf(webhook)
    if (problem !== undefined) return { ok: false, problem: `webhooks.${index}.${problem}` }
  }
  return parsed
}

/** The errors that a schema cannot find. */
function problemOf(webhook: unknown): string | undefined {
  const { url, service } = {
    url: at(webhook, 'clientConfig', 'url'),
    service: at(webhook, 'clientConfig', 'service'),
  }
  if ((url ?? undefined) === undefined && (service ?? undefined) === undefined)
    return 'clientConfig must have either url or service, but has none'
  if (url !== undefined && url !== null && service !== undefined && service !== null)
    return 'clientConfig must have either url or service, but has both'
  if (typeof url === 'string' && !URL.canParse(url)) return 'clientConfig.url must be a URL'
  const caBundle = textAt(webhook, 'clientConfig', 'caBundle')
  if (caBundle !== '' && !decode(caBundle).includes('-----BEGIN CERTIFICATE-----'))
    return 'clientConfig.caBundle must be PEM certificates in base64, but has no certificate'
  if (!listAt(webhook, 'admissionReviewVersions').includes('v1'))
    return 'admissionReviewVersions must have v1, the only version this API server sends'
  for (const selector of ['namespaceSelector', 'objectSelector'])
    for (const expression of listAt(webhook, selector, 'matchExpressions'))
      if (!labelOperators.includes(textAt(expression, 'operator')))
        return `${selector}.matchExpressions must have an operator of ${labelOperators.join(', ')}`
  return undefined
}

function readWebhook(raw: Static<typeof WebhookSchema>): Webhook {
  const { url, service, caBundle } = raw.clientConfig
  return {
    name: raw.name,
    clientConfig: {
      url: url ?? undefined,
      service: service
        ? {
            namespace: service.namespace,
            name: service.name,
            path: service.path ?? '/',
            port: service.port ?? 443,
          }
        : undefined,
      caBundle: caBundle ? decode(caBundle) : undefined,
    },
    rules: raw.rules ?? [],
    failurePolicy: raw.failurePolicy === 'Ignore' ? 'Ignore' : 'Fail',
    // 10 is the API server's own default.
    timeoutMs: (raw.timeoutSeconds ?? 10) * 1000,
    namespaceSelector: labelSelectorOf(raw.namespaceSelector),
    objectSelector: labelSelectorOf(raw.objectSelector),
    matchConditions: matchConditionsOf(raw.matchConditions ?? []),
  }
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8')
}

/**
 * True if a webhook must be asked about a request.
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
  // Either version may carry the label: its removal must not escape the webhook.
  return [request.object, request.oldObject].some(
    (object) => object !== undefined && webhook.objectSelector(labelsOf(object)),
  )
}

/** An object's labels; empty without any. */
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

/** One write in the form in which webhooks are asked, decoded, complete and valid. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly resource: ResourceFacts
  readonly subresource: 'status' | undefined
  /** Empty for a cluster-scoped object. */
  readonly namespace: string
  /**
   * Empty for each object of a deletecollection: only `oldObject` has the name (kubernetes.md, The request).
   */
  readonly name: string
  /** Undefined for DELETE. */
  readonly object: ClusterObject | undefined
  /** Undefined for CREATE. */
  readonly oldObject: ClusterObject | undefined
  readonly user: User
  readonly dryRun: boolean
  /** CreateOptions, UpdateOptions or DeleteOptions as the client sent them. */
  readonly options: JsonObject
}

/** The `matchConditions` of a webhook, as far as this server understands them. */
interface MatchConditions {
  /** False for a request that the webhook does not get. */
  readonly hold: (request: AdmissionRequest) => boolean
  /** True if some are not understood. They count as true, so the webhook is asked more often, never less. */
  readonly areUnknown: boolean
}

type Condition = (request: AdmissionRequest) => boolean

/** Reads conditions of two forms, which exempt deleted objects. It is not all of CEL. */
function matchConditionsOf(raw: readonly unknown[]): MatchConditions {
  const conditions = raw.map((each) => conditionOf(textAt(each, 'expression')))
  const known = conditions.filter((condition) => condition !== undefined)
  return {
    hold: (request) => known.every((condition) => condition(request)),
    areUnknown: known.length < conditions.length,
  }
}

const byOthers = /^request\.operation != '([A-Z]+)' \|\| !\(request\.userInfo\.username in \[([^\]]*)\]\)$/

function conditionOf(expression: string): Condition | undefined {
  const text = expression.replaceAll(/\s+/g, ' ').trim()
  if (text === 'oldObject == null || !has(oldObject.metadata.deletionTimestamp)') {
    return ({ oldObject }) => at(oldObject, 'metadata', 'deletionTimestamp') === undefined
  }
  const [, operation, list = ''] = byOthers.exec(text) ?? []
  if (operation === undefined) return undefined
  const names = new Set([...list.matchAll(/'([^']*)'/g)].map(([, name]) => name))
  return (request) => request.operation !== operation || !names.has(request.user.username)
}
