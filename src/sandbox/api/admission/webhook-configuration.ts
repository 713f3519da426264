import { Type, type Static } from 'typebox'
import { absent, mapOf } from '../../../longhorn/absent.ts'
import { parser } from '../../../longhorn/parse.ts'
import type { Parsed } from '../../../longhorn/parsed.ts'
import { at, listAt, textAt } from '../../json.ts'
import { matchConditionsOf, type MatchConditions } from './match-conditions.ts'
import { labelOperators, labelSelectorOf, type LabelSelector } from '../store/label-selector.ts'

/** Kept open: {@link labelSelectorOf} reads it. */
const SelectorSchema = absent(mapOf(Type.Unknown()))

const RuleSchema = Type.Object({
  apiGroups: Type.Array(Type.String()),
  apiVersions: Type.Array(Type.String()),
  operations: Type.Array(Type.String({ pattern: '^(\\*|CREATE|UPDATE|DELETE|CONNECT)$' })),
  resources: Type.Array(Type.String()),
  scope: absent(Type.String({ pattern: '^(\\*|Namespaced|Cluster)$' })),
})

const WebhookSchema = Type.Object({
  name: Type.String({ pattern: '^[a-z0-9-]+(\\.[a-z0-9-]+){2,}$' }),
  clientConfig: Type.Object({
    url: absent(Type.String({ pattern: '^https://' })),
    service: absent(
      Type.Object({
        namespace: Type.String({ minLength: 1 }),
        name: Type.String({ minLength: 1 }),
        path: absent(Type.String({ pattern: '^/' })),
        port: absent(Type.Integer({ minimum: 1, maximum: 65535 })),
      }),
    ),
    caBundle: absent(Type.String()),
  }),
  rules: absent(Type.Array(RuleSchema)),
  failurePolicy: absent(Type.String({ pattern: '^(Fail|Ignore)$' })),
  matchPolicy: absent(Type.String({ pattern: '^(Exact|Equivalent)$' })),
  // `Some` and `Unknown` ended with admissionregistration.k8s.io/v1, so every webhook may be asked about a dry run.
  sideEffects: Type.String({ pattern: '^(None|NoneOnDryRun)$' }),
  timeoutSeconds: absent(Type.Integer({ minimum: 1, maximum: 30 })),
  admissionReviewVersions: Type.Array(Type.String(), { minItems: 1 }),
  namespaceSelector: SelectorSchema,
  objectSelector: SelectorSchema,
  matchConditions: absent(Type.Array(Type.Unknown())),
})

const ConfigurationSchema = Type.Object({ webhooks: absent(Type.Array(WebhookSchema)) })

/** One rule of a webhook, as it stands in its configuration. */
export type WebhookRule = Static<typeof RuleSchema>

/** A validating webhook that is registered. */
export interface Webhook {
  readonly name: string
  readonly clientConfig: {
    readonly url: string | undefined
    readonly service:
      | { readonly namespace: string; readonly name: string; readonly path: string; readonly port: number }
      | undefined
    /** PEM; undefined: the machine's own authorities. */
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

/** What a schema cannot say. */
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
