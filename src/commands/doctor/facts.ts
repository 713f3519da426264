import { type Static, Type } from 'typebox'
import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Entry } from '../../gate/reservation-book.ts'
import { optional, optionalMap, parser } from '../../json/schema.ts'
import type { Kind } from '../../longhorn/kinds.ts'
import type { Mode } from '../../rules/policy.ts'

/** A fact, or why it could not be read. A missing object is a fact too: it is undefined. */
export type Probe<T> = { readonly seen: T } | { readonly problem: string }

/** The names of the cluster's objects, and the next release of Longhorn. */
export interface Names {
  /** The namespace of the guard. */
  readonly namespace: string
  readonly longhornNamespace: string
  readonly webhookConfiguration: string
  /** The Secret with the serving certificate. */
  readonly certificateSecret: string
  readonly serviceAccount: string
  /** False if the guard only reads the certificate of cert-manager or an administrator. */
  readonly makesCertificate: boolean
  /** The next release of Longhorn; undefined if it is not known, and then the worst one is assumed. */
  readonly target: string | undefined
}

/** The issuer of the guard's certificate, which can make another. */
export type CertificateMaker =
  | { readonly who: 'the guard' }
  /** `certificate` is the name of its Certificate. */
  | { readonly who: 'cert-manager'; readonly certificate: string }
  | { readonly who: 'somebody else' }

/** A serving certificate in a Secret. */
export interface SeenCertificate {
  readonly pem: string
  readonly madeBy: CertificateMaker
}

/** Copies that a dry run removes from the spec of a backing image. */
export interface Removal {
  readonly image: string
  /** The UUIDs of their disks. */
  readonly disks: readonly string[]
}

/** The result of a dry run that the guard has to deny. */
export type DryRunResult =
  /** Denied by the guard, with these rules. */
  | { readonly result: 'denied'; readonly rules: readonly string[] }
  /** Allowed: the guard was not asked, or only warns. */
  | { readonly result: 'admitted' }
  /** The API server got no answer from the guard, or the guard cannot judge now. */
  | { readonly result: 'unanswered'; readonly why: string }
  /** Another webhook denied it first, so it proves nothing. */
  | { readonly result: 'not-made'; readonly why: string }

/** A dry run and its result; undefined if none can be made. */
type RemovalDryRun = { readonly removal: Removal; readonly result: DryRunResult } | undefined

/** The rules of one replica of the guard. */
export interface ReplicaPolicy {
  readonly replica: string
  /** The mode of each rule, by its name. */
  readonly modes: Readonly<Record<string, Mode>>
  readonly evictionCompletion: 'hold' | 'allow'
  /** The configured Longhorn release; null for the running one. */
  readonly release: string | null
  /** How many nodes may be evicted, and clean-ups pending, at a time; null for any number, absent where it does not say. */
  readonly evictionBudget?:
    { readonly flaggedNodes: number | null; readonly pendingCleanups: number | null } | undefined
  /** When a disk counts as lost, in milliseconds; absent where it does not say. */
  readonly lostAfterMs?: number | undefined
  /** The clients whose reviews it accepts; null for any client, undefined if it does not report it. */
  readonly callers: ReplicaCallers | null | undefined
}

/** How a replica authenticates clients. */
export interface ReplicaCallers {
  /** How many requests it has rejected since its start. */
  readonly refused: number
  /** The last accepted client, and the milliseconds until its certificate ends; null before the first. */
  readonly last: { readonly name: string; readonly leftMs: number } | null
}

/** The relevant fields of a Deployment. */
export interface Deployment {
  readonly name: string
  /** The wanted replicas of the guard; absent for another Deployment, such as that of a proxy. */
  readonly wanted: number
}

/** The relevant fields of a pod. */
export interface Pod {
  readonly name: string
  readonly image: string
  readonly ready: boolean
  /** False for a pod that is being deleted, and for other pods than guards: a proxy, a hook, `helm test`. */
  readonly serves: boolean
}

/** Two clocks, read at the same time, with an uncertainty. */
export interface MeasuredClock {
  /** The clock of this machine minus that of the API server, in milliseconds. */
  readonly aheadMs: number
  /** From the Date header, which has whole seconds, and the time of the request. */
  readonly uncertainMs: number
}

/** When a replica wrote a Lease, by its own clock. */
export interface LeaseTime {
  readonly name: string
  readonly holder: string
  /** Undefined if the Lease does not have it. */
  readonly renewedAt: number | undefined
}

/** The relevant fields of a CustomResourceDefinition. */
export interface SeenDefinition {
  /** Whether it serves the version that Holdfast reads. */
  readonly served: boolean
  /** Whether it keeps `spec.diskFileSpecMap`. A definition that keeps unknown fields keeps it too. */
  readonly knowsCopies: boolean
}

/** A right that the guard needs. */
export interface Right {
  readonly verb: string
  readonly group: string
  readonly resource: string
  /** Empty for cluster-scoped resources. */
  readonly namespace: string
  /** For the object of this name only; empty for all. */
  readonly name: string
  /** Its purpose. */
  readonly purpose: 'disk map' | 'reservations' | 'one book' | 'Events' | 'certificates'
}

/** All facts that the checks use. */
export interface Facts {
  readonly names: Names
  /** By the clock of this machine, in milliseconds since the epoch. */
  readonly now: number
  readonly map: Probe<DiskMapView>
  readonly definitions: readonly { readonly kind: Kind; readonly looked: Probe<SeenDefinition | undefined> }[]
  readonly registration: Probe<Registration | undefined>
  /** Undefined if the Secret is missing or still empty. */
  readonly certificate: Probe<SeenCertificate | undefined>
  readonly rights: readonly { readonly right: Right; readonly allowed: Probe<boolean> }[]
  readonly deployments: Probe<readonly Deployment[]>
  readonly pods: Probe<readonly Pod[]>
  /** Of every running replica. */
  readonly policies: Probe<readonly ReplicaPolicy[]>
  readonly dryRun: Probe<RemovalDryRun>
  readonly book: Probe<{ readonly entries: readonly Entry[]; readonly unreadable: readonly string[] }>
  /**
   * The namespace that the doors of the cluster have agreed on for their Leases; undefined before the first
   * door has started.
   */
  readonly anchor: Probe<string | undefined>
  /** The namespaces with Leases of a guard, including its own. */
  readonly books: Probe<readonly string[]>
  readonly leases: Probe<readonly LeaseTime[]>
  readonly clock: Probe<MeasuredClock>
}
const SelectorSchema = Type.Object({
  matchLabels: optionalMap(Type.String()),
  matchExpressions: optional(
    Type.Array(
      Type.Object({
        key: Type.String(),
        operator: Type.String(),
        values: optional(Type.Array(Type.String())),
      }),
    ),
  ),
})
const WebhookSchema = Type.Object({
  name: Type.String(),
  clientConfig: Type.Object({
    caBundle: optional(Type.String()),
    url: optional(Type.String()),
    service: optional(Type.Object({ namespace: Type.String(), name: Type.String() })),
  }),
  failurePolicy: optional(Type.String()),
  timeoutSeconds: optional(Type.Integer()),
  matchPolicy: optional(Type.String()),
  namespaceSelector: optional(SelectorSchema),
  objectSelector: optional(SelectorSchema),
  matchConditions: optional(
    Type.Array(Type.Object({ name: Type.String(), expression: optional(Type.String()) })),
  ),
  rules: optional(
    Type.Array(
      Type.Object({
        apiGroups: Type.Array(Type.String()),
        apiVersions: optional(Type.Array(Type.String())),
        operations: Type.Array(Type.String()),
        resources: Type.Array(Type.String()),
        scope: optional(Type.String()),
      }),
    ),
  ),
})
/** One webhook of a ValidatingWebhookConfiguration. */

export type SeenWebhook = Static<typeof WebhookSchema>
/** The webhooks of a ValidatingWebhookConfiguration. */

export type Registration = readonly SeenWebhook[]
/** Reads a ValidatingWebhookConfiguration. */

export const parseRegistration = parser(
  Type.Object({ webhooks: optional(Type.Array(WebhookSchema)) }),
  (raw): Registration => raw.webhooks ?? [],
)
