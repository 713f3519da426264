import { group, kinds, version } from '../../longhorn/kinds.ts'
import type { Facts, Names, Registration, SeenWebhook } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'
import { narrowings, type Undoing } from './narrowed.ts'

/**
 * This webhook only records deletions by Longhorn's uninstaller. It guards nothing, and must not block the
 * uninstaller.
 */
const recordingWebhook = 'uninstall.holdfast.dev'

/** The writes that must reach the guard for its promises. */
const needed: readonly (readonly [resource: string, operations: readonly string[]])[] = [
  [kinds.Node.plural, ['CREATE', 'UPDATE', 'DELETE']],
  [kinds.BackingImage.plural, ['UPDATE']],
  [kinds.BackingImageDataSource.plural, ['CREATE', 'UPDATE']],
]

/** With less time, a slow API server leaves too little of it to reserve and confirm an allowed change. */
const shortestSeconds = 5

/**
 * Whether the API server sends all writes to the guard that it has to judge, and the effect if no guard
 * answers.
 */
export function checkRegistration({
  registration,
  names,
}: {
  readonly registration: Facts['registration']
  readonly names: Pick<Names, 'namespace' | 'longhornNamespace' | 'webhookConfiguration'>
}): DoctorFinding[] {
  const name = `ValidatingWebhookConfiguration ${names.webhookConfiguration}`
  const look = `kubectl get validatingwebhookconfigurations.admissionregistration.k8s.io ${names.webhookConfiguration} -o yaml`
  const install = `helm upgrade --install holdfast charts/holdfast --namespace ${names.namespace} --reset-then-reuse-values`
  if ('problem' in registration)
    return [notKnown('registration', `${name} could not be read.`, registration.problem)]
  if (registration.seen === undefined || registration.seen.length === 0) {
    return [
      problem('error', 'registration', {
        what: registration.seen === undefined ? `There is no ${name}.` : `${name} has no webhook in it.`,
        why: 'The API server sends nothing to the guard.',
        remedy: `Install it again: ${install}. If it has another name: holdfast doctor --webhook-configuration <name>`,
      }),
    ]
  }
  const webhooks = registration.seen.filter(({ name }) => name !== recordingWebhook)
  const error = (what: string, why: string) =>
    problem('error', 'registration', {
      what: `${name} ${what}`,
      why,
      remedy: `Fix it: ${install}. Look: ${look}`,
    })
  const findings: DoctorFinding[] = []
  const missing = notSent(webhooks, names)
  if (missing.length > 0) {
    findings.push(
      error(
        `does not send ${missing.join(', ')}.`,
        'Writes that are not sent are not judged, and can crash a manager.',
      ),
    )
  }
  if (webhooks.some(sendsStatus)) {
    findings.push(
      error(
        'sends status writes.',
        'While no guard answers, status writes are denied. That blocks the very clean-up that has to end.',
      ),
    )
  }
  for (const webhook of webhooks) {
    for (const { level, what, why, undo } of narrowings(webhook)) {
      const remedy = undo
        ? `Find out who added it, and remove it: ${takingOut(undo, webhook, registration.seen, names)}. Look: ${look}`
        : `Find out who changed it, and fix it: ${install}. Look: ${look}`
      findings.push(
        problem(level, 'registration', { what: `Webhook ${webhook.name} of ${name} ${what}`, why, remedy }),
      )
    }
    findings.push(...howItFails(webhook, name, names, look))
  }
  return findings.length > 0
    ? findings
    : [
        ok(
          'registration',
          `${name} sends the guard all writes that it judges, and denies them while no guard answers.`,
        ),
      ]
}

/**
 * An upgrade of the chart leaves conditions that others have added. The patch fails if the webhook has
 * another index by then.
 */
function takingOut(
  undo: readonly Undoing[],
  webhook: SeenWebhook,
  all: Registration,
  { webhookConfiguration }: Pick<Names, 'webhookConfiguration'>,
): string {
  const place = `/webhooks/${all.indexOf(webhook)}`
  const patch = [
    { op: 'test', path: `${place}/name`, value: webhook.name },
    ...undo.map((each) => ({ ...each, path: `${place}${each.path}` })),
  ]
  return `kubectl patch validatingwebhookconfigurations.admissionregistration.k8s.io ${webhookConfiguration} --type json -p '${JSON.stringify(patch)}'`
}

function notSent(webhooks: Registration, names: Pick<Names, 'longhornNamespace'>): string[] {
  const reached = webhooks.filter((webhook) => selects(webhook, names.longhornNamespace))
  return needed.flatMap(([resource, operations]) =>
    operations
      .filter((operation) => !reached.some((webhook) => sends(webhook, resource, operation)))
      .map((operation) => `${operation} of ${resource}.${group} in ${names.longhornNamespace}`),
  )
}

function sends({ rules }: SeenWebhook, resource: string, operation: string): boolean {
  const has = (list: readonly string[], ...wanted: readonly string[]) =>
    list.some((each) => wanted.includes(each))
  return (rules ?? []).some(
    ({ apiGroups, apiVersions, operations, resources, scope }) =>
      has(apiGroups, group, '*') &&
      has(apiVersions ?? [version], version, '*') &&
      has(operations, operation, '*') &&
      has(resources, resource, '*', '*/*') &&
      scope !== 'Cluster',
  )
}

function sendsStatus({ rules }: SeenWebhook): boolean {
  return (rules ?? []).some(({ resources }) => resources.some((resource) => /\/(status|\*)$/.test(resource)))
}

/** Only the API server's own label of every namespace can be judged without reading the namespace. */
function selects({ namespaceSelector }: SeenWebhook, namespace: string): boolean {
  const label = 'kubernetes.io/metadata.name'
  const wanted = namespaceSelector?.matchLabels?.[label]
  if (typeof wanted === 'string' && wanted !== namespace) return false
  return (namespaceSelector?.matchExpressions ?? []).every(({ key, operator, values }) => {
    if (key !== label) return true
    if (operator === 'In') return (values ?? []).includes(namespace)
    if (operator === 'DoesNotExist') return false
    return operator !== 'NotIn' || !(values ?? []).includes(namespace)
  })
}

function howItFails(
  webhook: SeenWebhook,
  name: string,
  { namespace }: Pick<Names, 'namespace'>,
  look: string,
): DoctorFinding[] {
  const warn = (what: string, why: string, remedy: string) =>
    problem('warn', 'registration', { what: `Webhook ${webhook.name} of ${name} ${what}`, why, remedy })
  const findings: DoctorFinding[] = []
  if (webhook.failurePolicy === 'Ignore') {
    findings.push(
      warn(
        'has failurePolicy Ignore.',
        'While no guard answers, writes that could crash a manager pass silently.',
        `helm upgrade holdfast charts/holdfast --namespace ${namespace} --reset-then-reuse-values --set webhook.failurePolicy=Fail`,
      ),
    )
  }
  const seconds = webhook.timeoutSeconds ?? 10
  if (seconds < shortestSeconds) {
    findings.push(
      warn(
        `gives the guard ${seconds} s.`,
        'That is too short to hold a request until it is safe, or to reserve and confirm it.',
        `helm upgrade holdfast charts/holdfast --namespace ${namespace} --reset-then-reuse-values --set webhook.timeoutSeconds=10`,
      ),
    )
  }
  const { service } = webhook.clientConfig
  if (service && service.namespace !== namespace) {
    findings.push(
      warn(
        `calls a Service of namespace ${service.namespace}, not of ${namespace}.`,
        'Then the API server asks another guard than the one checked here.',
        `Check that guard: holdfast doctor --namespace ${service.namespace}. Or fix the registration; look: ${look}`,
      ),
    )
  }
  return findings
}
