import { type Static, Type } from 'typebox'
import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Page } from '../../gate/reservation-book.ts'
import { absent, absentMap, parser } from '../../json/schema.ts'
import type { Kind } from '../../longhorn/kinds.ts'
import type { Mode } from '../../rules/policy.ts'

/** What was seen, or why it could not be. What is not there was seen too: it is undefined. */
export type Looked<T> = { readonly seen: T } | { readonly problem: string }

/** What the cluster's objects are called, and what is to become of Longhorn. */
export interface Names {
  /** Where the guard runs. */
  readonly namespace: string
  readonly longhornNamespace: string
  readonly webhookConfiguration: string
  /** The Secret with the serving certificate. */
  readonly certificateSecret: string
  readonly serviceAccount: string
  /** False where the guard only reads the certificate that cert-manager or somebody else makes. */
  readonly makesCertificate: boolean
  /** The release that Longhorn is to move to; undefined while that is not known, and the worst is assumed. */
  readonly target: string | undefined
}

/** Who makes the certificate that the guard serves, and so can make another. */
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

/** Copies to be taken out of the spec of a backing image, by a dry run. */
export interface Removal {
  readonly image: string
  /** The UUIDs of their disks. */
  readonly disks: readonly string[]
}

/** What came of a dry run that the guard has to deny. */
export type Trial =
  /** By the guard, and with these rules. */
  | { readonly result: 'denied'; readonly rules: readonly string[] }
  /** Nobody objected: the guard was not asked, or only watches. */
  | { readonly result: 'admitted' }
  /** The API server asked the guard and got no answer, or the guard cannot judge now. */
  | { readonly result: 'unanswered'; readonly why: string }
  /** Somebody else denied it before the guard could, and so it shows nothing. */
  | { readonly result: 'not-made'; readonly why: string }

/** A dry run, and what came of it; undefined where none can be made. */
type RemovalTrial = { readonly removal: Removal; readonly trial: Trial } | undefined

/** What a replica of the guard says of the rules that it judges by. */
export interface ReplicaPolicy {
  readonly replica: string
  /** Of each rule, by its name. */
  readonly modes: Readonly<Record<string, Mode>>
  readonly evictionCompletion: 'hold' | 'allow'
  /** The Longhorn release that it judges for, if that was set; null for the one that runs. */
  readonly release: string | null
  /** How many nodes may be evicted, and clean-ups pending, at a time; null for any number, absent where it does not say. */
  readonly evictionBudget?:
    { readonly flaggedNodes: number | null; readonly pendingCleanups: number | null } | undefined
  /** When a disk counts as lost, in milliseconds; absent where it does not say. */
  readonly lostAfterMs?: number | undefined
  /** Who may send it reviews; null where whoever reaches its port may, undefined where it does not say. */
  readonly callers: ReplicaCallers | null | undefined
}

/** Whom a replica asks for a client certificate. */
export interface ReplicaCallers {
  /** How many requests it has turned away since its start. */
  readonly refused: number
  /** Who was accepted last, and in how many milliseconds its certificate ends; null before anybody was. */
  readonly last: { readonly name: string; readonly leftMs: number } | null
}

/** What matters of a Deployment. */
export interface Deployment {
  readonly name: string
  /** How many replicas of the guard it is to have; none if it runs something else, such as its proxies. */
  readonly wanted: number
}

/** What matters of a pod. */
export interface Pod {
  readonly name: string
  readonly image: string
  readonly ready: boolean
  /** False for one that is on its way out, and for what is no guard: a proxy, a hook, `helm test`. */
  readonly serves: boolean
}

/** Two clocks, read at the same time but for an uncertainty. */
export interface MeasuredClock {
  /** That of the machine that looks minus that of the API server, in milliseconds. */
  readonly aheadMs: number
  /** The Date header knows whole seconds only, and the request took its time. */
  readonly uncertainMs: number
}

/** When the replica that wrote a Lease said that it did, by its own clock. */
export interface LeaseTime {
  readonly name: string
  readonly holder: string
  /** Undefined if it does not say. */
  readonly renewedAt: number | undefined
}

/** What matters of a CustomResourceDefinition. */
export interface Definition {
  /** That the version which is read here is served. */
  readonly served: boolean
  /** That `spec.diskFileSpecMap` is kept; anything is, where unknown fields are. */
  readonly knowsCopies: boolean
}

/** What the guard has to be allowed to do. */
export interface Right {
  readonly verb: string
  readonly group: string
  readonly resource: string
  /** Empty for what belongs to no namespace. */
  readonly namespace: string
  /** Only for the object of this name; empty for all. */
  readonly name: string
  /** What it is for. */
  readonly purpose: 'disk map' | 'reservations' | 'one book' | 'Events' | 'certificates'
}

/** All that the checks look at. */
export interface Facts {
  readonly names: Names
  /** By the clock of the machine that looks, in milliseconds since the epoch. */
  readonly now: number
  readonly map: Looked<DiskMapView>
  readonly definitions: readonly { readonly kind: Kind; readonly looked: Looked<Definition | undefined> }[]
  readonly registration: Looked<Registration | undefined>
  /** Undefined if there is no such Secret or nothing in it yet. */
  readonly certificate: Looked<SeenCertificate | undefined>
  readonly rights: readonly { readonly right: Right; readonly allowed: Looked<boolean> }[]
  readonly deployments: Looked<readonly Deployment[]>
  readonly pods: Looked<readonly Pod[]>
  /** Of every replica that runs. */
  readonly policies: Looked<readonly ReplicaPolicy[]>
  readonly trial: Looked<RemovalTrial>
  readonly book: Looked<{ readonly pages: readonly Page[]; readonly unreadable: readonly string[] }>
  /** The namespace that the doors of the cluster have agreed on for their Leases; undefined while none has started. */
  readonly anchor: Looked<string | undefined>
  /** The namespaces that have Leases of a guard, the guard's own among them. */
  readonly books: Looked<readonly string[]>
  readonly leases: Looked<readonly LeaseTime[]>
  readonly clock: Looked<MeasuredClock>
}
const SelectorSchema = Type.Object({
  matchLabels: absentMap(Type.String()),
  matchExpressions: absent(
    Type.Array(
      Type.Object({
        key: Type.String(),
        operator: Type.String(),
        values: absent(Type.Array(Type.String())),
      }),
    ),
  ),
})
const WebhookSchema = Type.Object({
  name: Type.String(),
  clientConfig: Type.Object({
    caBundle: absent(Type.String()),
    service: absent(Type.Object({ namespace: Type.String(), name: Type.String() })),
  }),
  failurePolicy: absent(Type.String()),
  timeoutSeconds: absent(Type.Integer()),
  matchPolicy: absent(Type.String()),
  namespaceSelector: absent(SelectorSchema),
  objectSelector: absent(SelectorSchema),
  matchConditions: absent(
    Type.Array(Type.Object({ name: Type.String(), expression: absent(Type.String()) })),
  ),
  rules: absent(
    Type.Array(
      Type.Object({
        apiGroups: Type.Array(Type.String()),
        apiVersions: absent(Type.Array(Type.String())),
        operations: Type.Array(Type.String()),
        resources: Type.Array(Type.String()),
        scope: absent(Type.String()),
      }),
    ),
  ),
})
/** One webhook of a ValidatingWebhookConfiguration. */

export type Webhook = Static<typeof WebhookSchema>
/** The webhooks of a ValidatingWebhookConfiguration. */

export type Registration = readonly Webhook[]
/** Reads a ValidatingWebhookConfiguration. */

export const parseRegistration = parser(
  Type.Object({ webhooks: absent(Type.Array(WebhookSchema)) }),
  (raw): Registration => raw.webhooks ?? [],
)
