import { group, kinds, version } from '../../longhorn/kinds.ts'
import { deletingControllers } from '../../rules/change.ts'
import { defaultPolicy } from '../../rules/policy.ts'

/** The inputs of a registration. */
interface RegistrationOptions {
  /** The address of the webhook, `https://…/validate`. */
  readonly url: string
  /** The authority's certificate, PEM. */
  readonly authorityCert: string
  /** Longhorn's namespace, `longhorn-system` by default. The guard knows no other namespaces. */
  readonly longhornNamespace?: string
  /** How long the API server waits, in whole seconds. Small, so that a guard that hangs is noticed soon. */
  readonly timeoutSeconds: number
}

/**
 * The writes that never wait for a guard, since a missing one could not admit them: changes of objects that
 * are being deleted, and deletions by the namespace controller and the garbage collector. So a namespace ends
 * without a running guard.
 */
export const notLeaving = [
  {
    name: 'not-being-deleted',
    expression: 'oldObject == null || !has(oldObject.metadata.deletionTimestamp)',
  },
  {
    name: 'not-being-collected',
    expression: `request.operation != 'DELETE' || !(request.userInfo.username in [${deletingControllers
      .map((name) => `'${name}'`)
      .join(', ')}])`,
  },
] as const

/**
 * The ValidatingWebhookConfiguration that sends the judged writes to the guard. Main resources only: a denied
 * status write would block the very clean-up that has to end (longhorn.md §3).
 */
export function registration({
  url,
  authorityCert,
  longhornNamespace = defaultPolicy.longhornNamespace,
  timeoutSeconds,
}: RegistrationOptions) {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'holdfast' },
    webhooks: [
      {
        name: 'guard.holdfast.dev',
        admissionReviewVersions: ['v1'],
        sideEffects: 'NoneOnDryRun',
        failurePolicy: 'Fail',
        timeoutSeconds,
        // The API server converts a write in an older served version.
        matchPolicy: 'Equivalent',
        clientConfig: { url, caBundle: Buffer.from(authorityCert).toString('base64') },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': longhornNamespace } },
        matchConditions: [...notLeaving],
        rules: [
          {
            apiGroups: [group],
            apiVersions: [version],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: [kinds.Node.plural, kinds.BackingImage.plural, kinds.BackingImageDataSource.plural],
          },
        ],
      },
    ],
  }
}
