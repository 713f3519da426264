import { group, kinds, version } from '../../longhorn/kinds.ts'
import { deletingControllers } from '../../rules/change.ts'
import { defaultPolicy } from '../../rules/policy.ts'

/** What a registration depends on. */
interface RegistrationOptions {
  /** Where the webhook is reached, `https://…/validate`. */
  readonly url: string
  /** The authority's certificate, PEM. */
  readonly authorityCert: string
  /** Where Longhorn runs, `longhorn-system` if not given. The guard knows nothing of other namespaces. */
  readonly longhornNamespace?: string
  /** How long the API server waits, in whole seconds. Small, so that a guard that is stuck is soon noticed. */
  readonly timeoutSeconds: number
}

/**
 * What never waits for a guard, since one that is gone could not let it pass: changes of what is being deleted, and what
 * the namespace controller and the garbage collector delete. A namespace then ends with no guard running.
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
 * The ValidatingWebhookConfiguration that sends the guard what it judges. Main resources only: a refused status
 * write would block the very clean-up that has to end (longhorn.md §3).
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
        // A write in an older version that is still served arrives converted.
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
